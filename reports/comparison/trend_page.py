"""trend.html: the trials of a plan over time."""

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
    return html.render_page(
        "trend.html.j2",
        plan=plan,
        brief=brief(trend),
        method_note=method_note(trend),
        figures=drawn,
        change_points=change_points_table(trend),
        values=_values_table(trend),
    )


def headline(trend: Trend) -> str:
    """The number of change points in one sentence."""
    points, found = len(trend.names), len(change_points_table(trend).rows)
    if points < POINTS_MIN:
        needed = f"they need at least {POINTS_MIN} trials"
        return f"Change points unknown: {needed}, and there are {points}."
    return f"{plural(found, 'change point') if found else 'No change points'} in {points} trials."


def brief(trend: Trend) -> tuple[str, str, str]:
    """The three lead sentences: change points, completeness, largest change."""
    return headline(trend), _limited(trend), _changed(trend)


def _limited(trend: Trend) -> str:
    points = len(trend.names)
    if points < POINTS_MIN:
        return (
            f"Run {plural(POINTS_MIN - points, 'more trial')} of this plan to find change points."
        )
    gaps = sum(None in one.values for one in trend.series)
    if gaps:
        return f"Gaps: {gaps} of {len(trend.series)} metrics lack a value in some trial."
    return "No gaps: every trial has every metric."


def _changed(trend: Trend) -> str:
    """The largest change from the oldest to the newest trial."""
    moved = [
        (last / first, one)
        for one in trend.series
        if (first := one.values[0]) and (last := one.values[-1])
    ]
    if not moved or len(trend.names) < 2:
        return "Change unknown: no metric is known for both the oldest and the newest trial."
    ratio, most = max(moved, key=lambda pair: abs(math.log(pair[0])))
    return (
        f"Largest change from {trend.names[0]} to {trend.names[-1]}: "
        f"{most.operation} {most.metric} ({signed_percent(ratio - 1)})."
    )


def change_points_table(trend: Trend) -> Table:
    """All change points."""
    return Table(
        "Change points (times in ms, throughput per second)",
        ("operation", "metric", "change, %", "before", "after", "from trial"),
        tuple(
            (
                *(one.operation, one.metric, round(100 * point.change, 1)),
                *(point.before, point.after, trend.names[point.at]),
            )
            for one in trend.series
            for point in one.change_points
        ),
    )


def _values_table(trend: Trend) -> Table:
    return Table(
        "All trials (times in ms, throughput per second)",
        ("trial", "operation", *METRICS),
        tuple(
            (name, operation, *(one.values[at] for one in metrics))
            for at, name in enumerate(trend.names)
            for operation, metrics in by_operation(trend).items()
        ),
    )
