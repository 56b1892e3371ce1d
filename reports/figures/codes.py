"""Errors by code over time: which refusal came when."""

from __future__ import annotations

from reports.figures.annotations import draw_annotations
from reports.figures.style import (
    DASHES,
    SERIES,
    add_legend,
    label,
    marker,
    new_drawing,
    peak_s,
    set_time_axis,
    to_figure,
)
from reports.model import ReportModel
from reports.section import Figure

_SHOWN = 6


def draw(model: ReportModel) -> Figure:
    """One line a code, the most frequent ones; the others in no line but in the table."""
    drawing, (axes,) = new_drawing(3.2)
    # Seconds without an error are zeros of the line, not an end of it.
    frame = model.codes_s.reindex(model.outcomes_s.index, fill_value=0)
    codes = list(frame.sum().sort_values(ascending=False, kind="stable").index[:_SHOWN])
    for number, code in enumerate(codes):
        axes.plot(
            frame.index.to_numpy() + model.step_s / 2,
            frame[code] / model.step_s,
            color=SERIES[(number + 1) % len(SERIES)],
            linestyle=DASHES[number % len(DASHES)],
            marker=marker(frame),
            ms=4,
            label=label(code),
        )
    add_legend(drawing, axes)
    axes.set_ylim(bottom=0)
    set_time_axis([axes], model)
    draw_annotations([axes], model.annotations)
    axes.set_ylabel("attempts a second")
    return to_figure(drawing, "codes", "Errors by code over time", _alt(model, codes), narrow=True)


def _alt(model: ReportModel, codes: list[str]) -> str:
    if not codes:
        return "Empty: every attempt of the load ended ok."
    frame = model.codes_s
    first = frame[codes[0]]
    text = (
        f"The most frequent was {label(codes[0])}: {int(first.sum()):,} attempts, with the "
        f"peak {peak_s(first)} s after the load began"
    )
    left = len(frame.columns) - len(codes)
    return f"{text}. {left} rarer codes are not drawn." if left else f"{text}."
