"""
Style, axes, labels and legends that all figures share.

Figures suit light and dark pages, wide and narrow screens. Equal data give equal bytes.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import FuncFormatter

from harness.text import one_line
from harness.units import NS_PER_MS, format_duration
from reports.figures.layout import StackedLayout
from reports.figures.svg import inline_svg
from reports.model import ReportModel
from reports.section import Figure

INK, MUTED, LINE, PAPER = "#010101", "#020202", "#030303", "#040404"
SHADE, FAULT = "#050505", "#060606"
SERIES = ("#0a0101", "#0a0202", "#0a0303", "#0a0404", "#0a0505", "#0a0606")
_VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    LINE: "line",
    PAPER: "paper",
    SHADE: "shade",
    FAULT: "fault",
    **{colour: f"c{number}" for number, colour in enumerate(SERIES, 1)},
}
DASHES = ("solid", (0, (5, 2)), (0, (1, 1.5)))
"""Line styles repeat what colours say, for readers who do not see them."""

_MARKED_MAX = 150
_LABEL_MAX = 32
_WIDTH_IN, NARROW_IN = 9.0, 4.8
_HANDLE_IN, _LETTER_IN = 0.55, 0.08  # of a legend entry
_SMALL_LETTER_IN = 0.062  # of an annotation's name
_MARGIN_IN = 1.0  # of a drawing, beside its axes
ROWS_MAX = {"phase": 2, "fault": 4}
"""Rows of names per kind of annotation."""
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "harness",
    "text.parse_math": False,  # names are untrusted; a $ is a dollar
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Apply the style of all figures."""
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()  # ignore a matplotlibrc in the working directory
        mpl.rcParams.update(_STYLE)
        # The browser has glyphs that the measuring font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def new_drawing(height_in: float = 3.4, rows: int = 1) -> tuple[Drawing, list[Axes]]:
    """A drawing of the page's width with stacked axes that share x."""
    drawing = Drawing(figsize=(_WIDTH_IN, height_in), layout=StackedLayout())
    axes = drawing.subplots(rows, 1, sharex=True, squeeze=False)
    return drawing, [row[0] for row in axes]


def to_figure(drawing: Drawing, name: str, title: str, alt: str, *, narrow: bool = False) -> Figure:
    """Make a drawing a figure for inline use; `narrow` adds one for a phone."""
    description = f"{title}. {alt}"
    wide = inline_svg(_write(drawing), name, description, _VARIABLES)
    if not narrow:
        return Figure(name, title, alt, wide)
    drawing.set_size_inches(NARROW_IN, drawing.get_figheight())
    for old in drawing.legends[:]:
        names = [text.get_text() for text in old.get_texts()]
        old.remove()
        _add_legend(drawing, old.legend_handles, names)
    for axes in drawing.axes:
        place_labels(axes)
    small = inline_svg(_write(drawing), f"{name}-n", description, _VARIABLES)
    return Figure(name, title, alt, wide, small)


def _write(drawing: Drawing) -> str:
    buffer = io.StringIO()
    canvas: Any = FigureCanvasSVG(drawing)
    canvas.print_svg(buffer, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def add_legend(drawing: Drawing, axes: Axes) -> None:
    """Put the legend of the axes above all axes of the drawing."""
    handles, names = axes.get_legend_handles_labels()
    if names:
        _add_legend(drawing, handles, names)


def _add_legend(drawing: Drawing, handles: Sequence[Any], names: Sequence[str]) -> None:
    longest_in = _HANDLE_IN + _LETTER_IN * max(map(len, names))
    fitting = max(1, int(drawing.get_figwidth() / longest_in))
    rows = -(-len(names) // fitting)
    drawing.legend(handles, names, loc="upper left", ncols=-(-len(names) // rows))


def place_labels(axes: Axes) -> None:
    """Put names of annotations above the axes, each in the lowest free row."""
    low, high = axes.get_xlim()
    figure: Any = axes.figure
    per_letter = (high - low) * _SMALL_LETTER_IN / (figure.get_figwidth() - _MARGIN_IN)
    row_ends: list[float] = []
    for text in [text for text in axes.texts if text.get_gid() in ROWS_MAX]:
        name: Any = text
        start = float(name.xy[0])
        row = next((n for n, end in enumerate(row_ends) if end <= start), len(row_ends))
        name.set_visible(row < ROWS_MAX[name.get_gid()])
        if name.get_visible():
            row_ends[row : row + 1] = [start + len(name.get_text()) * per_letter]
            name.set_position((2, 2 + 11 * row))


def peak_s(series: pd.Series) -> int:
    """The first second, since load start, at which a series is highest."""
    return int(series.index.to_numpy()[int(series.to_numpy().argmax())])


def marker(series: pd.Series | pd.DataFrame) -> str:
    """Dots on a line, unless there are too many to distinguish."""
    return "." if len(series) <= _MARKED_MAX else ""


def draw_points(axes: Axes, series: pd.Series, step_s: int, colour: str, name: str) -> None:
    """Unconnected values: dots; many values become flat strokes in a single path."""
    x = series.index.to_numpy() + step_s / 2
    if marker(series):
        axes.plot(x, series, ls="none", marker=".", ms=5, color=colour, label=name)
        return
    values = series.to_numpy(dtype=float)
    ends = np.stack([x - step_s / 2, x + step_s / 2, np.full(len(x), np.nan)], axis=1)
    flat = np.stack([values, values, np.full(len(x), np.nan)], axis=1)
    axes.plot(ends.ravel(), flat.ravel(), color=colour, label=name)


def draw_placeholder(axes: Axes) -> None:
    """Say that there is no data, instead of an empty scale."""
    axes.set_yticks([])
    axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", color=MUTED)


def label(text: str) -> str:
    """An untrusted name for a legend: printable and cut at `_LABEL_MAX`."""
    clean = one_line(text, _LABEL_MAX) or "(no name)"
    # A leading underscore would hide the entry from Matplotlib's legend.
    return f"\u200b{clean}" if clean.startswith("_") else clean


def duration_axis(axes: Axes, *, log: bool = True) -> None:
    """Format y values in ms with units: 10 ms, 1 s."""
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(FuncFormatter(_minor_duration))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _duration(value)))
    axes.tick_params(axis="y", which="minor", labelsize=8)


def set_time_axis(axes: Sequence[Axes], model: ReportModel) -> None:
    """The same time span on every figure, from load start to the last response."""
    ends = [model.summary["duration_s"], *(model.outcomes_s.index[-1:] + model.step_s)]
    axes[-1].set_xlim(min([0, *model.outcomes_s.index[:1]]), max([1, *ends]))
    axes[-1].set_xlabel("time since load start, s")


def _duration(value_ms: float) -> str:
    return format_duration(value_ms * NS_PER_MS) if value_ms > 0 else "0"


def _minor_duration(value_ms: float, _: int | None = None) -> str:
    """Labels only at 2 and 5 between decades."""
    digit = f"{value_ms:e}"[0]
    return _duration(value_ms) if digit in "25" else ""
