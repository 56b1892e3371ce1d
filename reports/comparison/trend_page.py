"""trend.html: a plan's trials over time, in one file."""

from __future__ import annotations

from harness.experiments.compare.trend import POINTS_MIN, Trend
from reports import html
from reports.figures.canvas import styled
from reports.figures.trend import draw_trend
from reports.section import Table


def render(plan: str, trend: Trend) -> str:
    """The page."""
    with styled():
        drawn = draw_trend(trend)
    return (
        html.environment()
        .get_template("trend.html.j2")
        .render(
            style=html.trusted("style.css"),
            script=html.trusted("sort.js"),
            plan=plan,
            headline=headline(trend),
            figures=drawn,
            shifts=shifts_table(trend),
            values=_values_table(trend),
        )
    )


def headline(trend: Trend) -> str:
    """What there is to know, in one sentence."""
    points, found = len(trend.names), len(shifts_table(trend).rows)
    if points < POINTS_MIN:
        return f"{points} trials: change points need at least {POINTS_MIN}."
    if not found:
        return f"No level changed for good over {points} trials."
    return f"{found} {'level' if found == 1 else 'levels'} changed over {points} trials."


def shifts_table(trend: Trend) -> Table:
    """Every change point."""
    return Table(
        "Changes for good; times in ms, throughput a second",
        ("operation", "metric", "from trial", "before", "after", "change, %"),
        tuple(
            (
                one.operation,
                one.metric,
                trend.names[shift.at],
                shift.before,
                shift.after,
                round(100 * shift.change, 1),
            )
            for one in trend.series
            for shift in one.shifts
        ),
    )


def _values_table(trend: Trend) -> Table:
    return Table(
        "Every trial; times in ms, throughput a second",
        ("trial", *(f"{one.operation} {one.metric}" for one in trend.series)),
        tuple(
            (name, *(one.values[at] for one in trend.series))
            for at, name in enumerate(trend.names)
        ),
    )
