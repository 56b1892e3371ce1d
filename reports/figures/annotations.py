"""What is marked on the axes of a trial: phases, faults and their strikes, objectives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes

from reports.figures.style import FAULT, INK, MUTED, PAPER, SHADE, label, place_labels
from reports.model import Annotation

INJECTION_TICKS_MAX = 600
"""More ticks than this make a bar, and a heavy page."""
_ZORDER = 0.1  # the data's colours are those of the legend, in a band as outside


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


def draw_annotations(axes: Iterable[Axes], annotations: Sequence[Annotation]) -> None:
    """Shade warm-ups, frame phases and mark faults; the first axes bear the names."""
    for number, one in enumerate(axes):
        # What a load that was cut off never came to is beyond the axis.
        reached = [
            annotation for annotation in annotations if annotation.start_s < one.get_xlim()[1]
        ]
        for annotation in reached:
            _draw_annotation(one, annotation)
        if number == 0:
            _draw_names(one, reached)


def _draw_annotation(axes: Axes, annotation: Annotation) -> None:
    if annotation.kind == "phase":
        axes.axvline(annotation.start_s, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
    else:
        colour, opacity = (FAULT, 0.16) if annotation.kind == "fault" else (SHADE, 0.14)
        axes.axvspan(
            annotation.start_s,
            annotation.end_s,
            color=colour,
            alpha=opacity,
            linewidth=0,
            zorder=_ZORDER,
        )
    if annotation.injections_s:
        _draw_injections(axes, annotation.injections_s)


def _draw_injections(axes: Axes, injections_s: Sequence[float]) -> None:
    """A tick at the upper edge where a fault struck; of thousands an even choice."""
    step = -(-len(injections_s) // INJECTION_TICKS_MAX)
    x = np.repeat(np.asarray(injections_s[::step], float), 3)
    y = np.tile([0.97, 1.0, np.nan], len(x) // 3)
    # One line with gaps: a path a tick would be half of the page's bytes.
    axes.plot(
        x, y, color=FAULT, linewidth=0.8, transform=axes.get_xaxis_transform(),
        scalex=False, scaley=False,
    )  # fmt: skip


def _draw_names(axes: Axes, annotations: Sequence[Annotation]) -> None:
    for annotation in sorted(
        annotations, key=lambda annotation: (annotation.start_s, annotation.kind)
    ):
        fault = annotation.kind == "fault"
        axes.annotate(
            label(annotation.name) + (" (fault)" if fault else ""),
            (annotation.start_s, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(2, 2),
            textcoords="offset points",
            fontsize=8,
            color=FAULT if fault else MUTED,
            annotation_clip=False,
            gid="fault" if fault else "phase",
        )
    place_labels(axes)
