"""Marks on the axes of a trial: phases, faults, injections, objectives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from reports.figures import style
from reports.model import Annotation, ReportModel
from reports.section import Figure

INJECTION_TICKS_MAX = 600
"""More ticks merge into a bar and enlarge the page."""
_ZORDER = 0.1  # below the data, so that shades do not change its colours


def finish_time_figure(
    drawing: Drawing, axes: Sequence[Axes], model: ReportModel, name: str, title: str, alt: str
) -> Figure:
    """Set the time axis, draw the annotations, and make the drawing a figure."""
    style.set_time_axis(axes, model)
    draw_annotations(axes, model.annotations)
    return style.to_figure(drawing, name, title, alt, narrow=True)


def mark_objectives(axes: Axes, limits: Sequence[tuple[float, str]]) -> None:
    """Draw a dashed line with its name at each limit (y value, name)."""
    for y, name in limits:
        axes.axhline(y, color=style.INK, linewidth=1.1, linestyle=(0, (6, 3)))
        axes.annotate(
            style.label(name),
            (1.0, y),
            xycoords=("axes fraction", "data"),
            xytext=(-3, 3),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            bbox={"facecolor": style.PAPER, "alpha": 0.75, "linewidth": 0, "pad": 0.6},
        )


def draw_annotations(axes: Iterable[Axes], annotations: Sequence[Annotation]) -> None:
    """Shade warm-ups and faults, and mark phases; names are on the first axes only."""
    for number, one in enumerate(axes):
        # Phases that a stopped load did not reach are beyond the axis.
        reached = [a for a in annotations if a.start_s < one.get_xlim()[1]]
        for annotation in reached:
            _draw_annotation(one, annotation)
        if number == 0:
            _draw_names(one, reached)


def _draw_annotation(axes: Axes, annotation: Annotation) -> None:
    if annotation.kind == "phase":
        axes.axvline(annotation.start_s, color=style.MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
    else:
        colour, opacity = (style.FAULT, 0.16) if annotation.kind == "fault" else (style.SHADE, 0.14)
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
    """Draw a tick at the upper edge per injection; an even sample of many."""
    step = -(-len(injections_s) // INJECTION_TICKS_MAX)
    x = np.repeat(np.asarray(injections_s[::step], float), 3)
    y = np.tile([0.97, 1.0, np.nan], len(x) // 3)
    # One line with gaps is much smaller than one path per tick.
    axes.plot(
        x, y, color=style.FAULT, linewidth=0.8, transform=axes.get_xaxis_transform(),
        scalex=False, scaley=False,
    )  # fmt: skip


def _draw_names(axes: Axes, annotations: Sequence[Annotation]) -> None:
    for annotation in sorted(annotations, key=lambda a: (a.start_s, a.kind)):
        fault = annotation.kind == "fault"
        axes.annotate(
            style.label(annotation.name) + (" (fault)" if fault else ""),
            (annotation.start_s, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(2, 2),
            textcoords="offset points",
            fontsize=8,
            color=style.FAULT if fault else style.MUTED,
            annotation_clip=False,
            gid="fault" if fault else "phase",
        )
    style.place_labels(axes)
