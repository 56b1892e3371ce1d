"""Errors by code over time."""

from __future__ import annotations

from reports.figures import style
from reports.figures.annotations import finish_time_figure
from reports.formatting import plural
from reports.model import ReportModel
from reports.section import Figure

_SHOWN = 6


def draw(model: ReportModel) -> Figure:
    """One line for each of the most frequent codes; the table has the others."""
    drawing, (axes,) = style.new_drawing(3.2)
    # Seconds without an error are zeros, not gaps.
    frame = model.codes_s.reindex(model.outcomes_s.index, fill_value=0)
    codes = list(frame.sum().sort_values(ascending=False, kind="stable").index[:_SHOWN])
    for number, code in enumerate(codes):
        axes.plot(
            frame.index.to_numpy() + model.step_s / 2,
            frame[code] / model.step_s,
            color=style.SERIES[(number + 1) % len(style.SERIES)],
            linestyle=style.DASHES[number % len(style.DASHES)],
            marker=style.marker(frame),
            ms=4,
            label=style.label(code),
        )
    style.add_legend(drawing, axes)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("attempts per second")
    return finish_time_figure(
        drawing, [axes], model, "codes", "Errors by code over time", _alt(model, codes)
    )


def _alt(model: ReportModel, codes: list[str]) -> str:
    if not codes:
        return "Empty: every attempt of the load ended ok."
    frame = model.codes_s
    first = frame[codes[0]]
    text = (
        f"The most frequent code is {style.label(codes[0])}: {int(first.sum()):,} attempts, with "
        f"the peak {style.peak_s(first)} s after load start"
    )
    left = len(frame.columns) - len(codes)
    return f"{text}. {plural(left, 'rarer code')} not shown." if left else f"{text}."
