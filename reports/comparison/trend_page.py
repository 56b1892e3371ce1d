"""trend.html: a plan's trials over time, in one file."""

from __future__ import annotations

import math

from harness.experiments.compare.change_points import POINTS_MIN
from harness.experiments.compare.trend import METRICS, Trend
from reports import html
from reports.comparison.history import by_operation, method_note
from reports.figures.history import draw_each_operation
from reports.figures.style import figure_style
from reports.figures.trend import draw_trend
from reports.formatting import plural, signed_percent
from reports.section import Table


def render(plan: str, trend: Trend) -> str:
    """The page."""
    with figure_style():
        drawn = [draw_each_operation(trend), *draw_trend(trend)]
    return (
        html.environment()
        .get_template("trend.html.j2")
        .render(
            style=html.template_file("style.css"),
            script=html.template_file("sort.js"),
            plan=plan,
            brief=brief(trend),
            method_note=method_note(trend),
            figures=drawn,
            shifts=change_points_table(trend),
            values=_values_table(trend),
        )
    )


def headline(trend: Trend) -> str:
    """What there is to know, in one sentence."""
    points, found = len(trend.names), len(change_points_table(trend).rows)
    if points < POINTS_MIN:
        return f"{plural(points, 'trial')}: change points need at least {POINTS_MIN}."
    if not found:
        return f"No level changed for good over {points} trials."
    return f"{found} {'level' if found == 1 else 'levels'} changed over {points} trials."


def brief(trend: Trend) -> tuple[str, str, str]:
    """What a manager reads: is the level held, what limits the answer, what changed."""
    return headline(trend), _limited(trend), _changed(trend)


def _limited(trend: Trend) -> str:
    points = len(trend.names)
    if points < POINTS_MIN:
        left = plural(POINTS_MIN - points, "more trial")
        return f"The number of trials limits this answer: {left} of this plan would do."
    gaps = sum(None in one.values for one in trend.series)
    if gaps:
        return f"Gaps limit this answer: {gaps} of {len(trend.series)} figures miss a trial."
    return "Nothing limits this answer: every trial has every figure."


def _changed(trend: Trend) -> str:
    """From the oldest trial to the newest, where the change is largest."""
    moved = [
        (last / first, one)
        for one in trend.series
        if (first := one.values[0]) and (last := one.values[-1])
    ]
    if not moved or len(trend.names) < 2:
        return "What changed cannot be told: no figure is known of two trials."
    ratio, most = max(moved, key=lambda pair: abs(math.log(pair[0])))
    return (
        f"From {trend.names[0]} to {trend.names[-1]} the largest change is that of "
        f"{most.operation} {most.metric}, {signed_percent(ratio - 1)}."
    )


def change_points_table(trend: Trend) -> Table:
    """Every change point."""
    return Table(
        "Changes for good; times in ms, throughput a second",
        ("operation", "metric", "change, %", "before", "after", "from trial"),
        tuple(
            (
                one.operation,
                one.metric,
                round(100 * shift.change, 1),
                shift.before,
                shift.after,
                trend.names[shift.at],
            )
            for one in trend.series
            for shift in one.change_points
        ),
    )


def _values_table(trend: Trend) -> Table:
    return Table(
        "Every trial; times in ms, throughput a second",
        ("trial", "operation", *METRICS),
        tuple(
            (name, operation, *(one.values[at] for one in metrics))
            for at, name in enumerate(trend.names)
            for operation, metrics in by_operation(trend).items()
        ),
    )
