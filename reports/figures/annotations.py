"""What is marked on the axes of a trial: phases, faults and their strikes, objectives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes

from reports.figures.style import FAULT, INK, MUTED, PAPER, SHADE, label, place_names
from reports.model import Band

HITS_MAX = 600
"""More ticks than this make a bar, and a heavy page."""
_BEHIND = 0.1  # the data's colours are those of the legend, in a band as outside


def mark_objectives(axes: Axes, limits: Sequence[tuple[float, str]]) -> None:
    """A dashed line at each limit, its objective written on it; limits as y values."""
    for y, name in limits:
        axes.axhline(y, color=INK, linewidth=1.1, linestyle=(0, (6, 3)))
        axes.annotate(
            label(name),
            (1.0, y),
            xycoords=("axes fraction", "data"),
            xytext=(-3, 3),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            bbox={"facecolor": PAPER, "alpha": 0.75, "linewidth": 0, "pad": 0.6},
        )


def mark_bands(axes: Iterable[Axes], bands: Sequence[Band]) -> None:
    """Shade warm-ups, frame phases and mark faults; the first axes bear the names."""
    for number, one in enumerate(axes):
        # What a load that was cut off never came to is beyond the axis.
        reached = [band for band in bands if band.start_s < one.get_xlim()[1]]
        for band in reached:
            _mark(one, band)
        if number == 0:
            _name(one, reached)


def _mark(axes: Axes, band: Band) -> None:
    if band.kind == "phase":
        axes.axvline(band.start_s, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
    else:
        colour, opacity = (FAULT, 0.16) if band.kind == "fault" else (SHADE, 0.14)
        axes.axvspan(
            band.start_s,
            band.end_s,
            color=colour,
            alpha=opacity,
            linewidth=0,
            zorder=_BEHIND,
        )
    if band.hits_s:
        _mark_hits(axes, band.hits_s)


def _mark_hits(axes: Axes, hits_s: Sequence[float]) -> None:
    """A tick at the upper edge where a fault struck; of thousands an even choice."""
    step = -(-len(hits_s) // HITS_MAX)
    x = np.repeat(np.asarray(hits_s[::step], float), 3)
    y = np.tile([0.97, 1.0, np.nan], len(x) // 3)
    # One line with gaps: a path a tick would be half of the page's bytes.
    axes.plot(
        x, y, color=FAULT, linewidth=0.8, transform=axes.get_xaxis_transform(),
        scalex=False, scaley=False,
    )  # fmt: skip


def _name(axes: Axes, bands: Sequence[Band]) -> None:
    for band in sorted(bands, key=lambda band: (band.start_s, band.kind)):
        fault = band.kind == "fault"
        axes.annotate(
            label(band.name) + (" (fault)" if fault else ""),
            (band.start_s, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(2, 2),
            textcoords="offset points",
            fontsize=8,
            color=FAULT if fault else MUTED,
            annotation_clip=False,
            gid="fault" if fault else "phase",
        )
    place_names(axes)
