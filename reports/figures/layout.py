"""
Margins of stacked axes, measured once per drawing.

Matplotlib's own layouts measure all axes twice for every drawing; that was half of a report's time.
"""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure as Drawing
from matplotlib.layout_engine import LayoutEngine

_PAD_IN = 0.06


class StackedLayout(LayoutEngine):
    """Fit axes in one column; names above the axes and legends are measured at every size."""

    _adjust_compatible = True
    _colorbar_gridspec = True

    def __init__(self) -> None:
        """Measure at the first use."""
        super().__init__()
        self._margins_in: tuple[float, float, float, float] | None = None

    def execute(self, fig: Drawing) -> None:
        """Set the margins of the drawing."""
        drawing: Any = fig
        renderer = drawing._get_renderer()  # noqa: SLF001  as Matplotlib's own engines do
        if self._margins_in is None:
            self._margins_in = _measure(drawing, renderer)
        left, right, bottom, gap = self._margins_in
        width, height = drawing.get_size_inches()
        count = len(drawing.axes)
        above, beyond = _names_in(drawing, renderer, (width - left - right) * drawing.dpi)
        right = max(right, beyond + _PAD_IN)
        top = above + _legends_in(drawing, renderer) + _PAD_IN
        each = (height - bottom - top - gap * (count - 1)) / count
        drawing.subplots_adjust(
            left=left / width,
            right=1 - right / width,
            bottom=bottom / height,
            top=1 - top / height,
            hspace=gap / each,
        )


def _measure(drawing: Any, renderer: Any) -> tuple[float, float, float, float]:
    """Space left, right, below and between the axes, in inches."""
    inner = [axes.bbox for axes in drawing.axes]
    outer = [axes.get_tightbbox(renderer, for_layout_only=True) for axes in drawing.axes]
    below = [(a.y0 - b.y0) / drawing.dpi for a, b in zip(inner, outer, strict=True)]
    left = max(a.x0 - b.x0 for a, b in zip(inner, outer, strict=True)) / drawing.dpi
    right = max(b.x1 - a.x1 for a, b in zip(inner, outer, strict=True)) / drawing.dpi
    gap = max(below[:-1], default=0) + 2 * _PAD_IN
    return left + _PAD_IN, right + _PAD_IN, below[-1] + _PAD_IN, gap


def _names_in(drawing: Any, renderer: Any, width_px: float) -> tuple[float, float]:
    """How far texts of the first axes, `width_px` wide, exceed them above and right, in inches."""
    first = drawing.axes[0]
    above = beyond = 0.0
    for text in first.texts:
        if text.get_visible():
            box = text.get_window_extent(renderer)
            start = (box.x0 - first.bbox.x0) * width_px / first.bbox.width
            above = max(above, box.y1 - first.bbox.y1)
            beyond = max(beyond, start + box.width - width_px)
    return above / drawing.dpi, beyond / drawing.dpi


def _legends_in(drawing: Any, renderer: Any) -> float:
    heights = (legend.get_window_extent(renderer).height for legend in drawing.legends)
    return float(sum(height / drawing.dpi + _PAD_IN for height in heights))
