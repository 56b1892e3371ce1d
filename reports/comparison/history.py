"""A trial compared with earlier trials of the same load: sentences and a table."""

from __future__ import annotations

import math
from itertools import chain

from harness.experiments.compare.change_points import PELT, POINTS_MIN
from harness.experiments.compare.trend import METRICS, Series, Trend
from reports.formatting import plural, signed_percent
from reports.section import Table

_SHORT = ("p50", "p99", "rate")
"""Short names of `METRICS` for column heads."""


def largest_change(trend: Trend) -> str:
    """The largest change of the last trial against the earlier level; "" when unknown."""
    moved = [(change, one) for one in trend.series if (change := relative_change(one)) is not None]
    if not moved:
        return ""
    change, most = max(moved, key=lambda pair: abs(math.log1p(pair[0])))
    return f"{most.operation} {most.metric} ({signed_percent(change)})"


def relative_change(one: Series) -> float | None:
    """The last trial's relative change against the earlier level; None when one is absent."""
    last = one.values[-1]
    return None if last is None or one.level is None else last / one.level - 1


def sentences(trend: Trend) -> tuple[str, ...]:
    """Number of trials, largest change, change points and method."""
    earlier = plural(len(trend.names) - 1, "earlier trial")
    parts = [f"{earlier} ran the same load against the same target. This trial is the last point."]
    if most := largest_change(trend):
        parts.append(
            f"Largest change against the earlier level: {most}. Run harness compare to see whether "
            "it exceeds chance."
        )
    if len(trend.names) < POINTS_MIN:
        return (*parts, f"Change points unknown: they need at least {POINTS_MIN} trials.")
    if not any(one.change_points for one in trend.series):
        parts.append("No change points found.")
    return (*parts, method_note(trend))


def method_note(trend: Trend) -> str:
    """How change points are found."""
    method = "PELT (ruptures)" if trend.method == PELT.method else trend.method
    return (
        f"Change points by {method}, where the medians before and after differ by at least the "
        "plan's tolerance."
    )


def by_operation(trend: Trend) -> dict[str, list[Series]]:
    """Operation → its series in the order of `METRICS`; an absent one has no values."""
    nothing = (None,) * len(trend.names)
    found = {(one.operation, one.metric): one for one in trend.series}
    names = dict.fromkeys(one.operation for one in trend.series)
    return {
        name: [found.get((name, m), Series(name, m, nothing, ())) for m in METRICS]
        for name in names
    }


def history_table(trend: Trend) -> Table:
    """One row per operation: earlier level, this trial and change of each metric."""
    heads = ((f"{name} before", f"{name} now", f"{name} change, %") for name in _SHORT)
    return Table(
        "This trial against the earlier level (times in ms, rates of ok attempts per second)",
        ("operation", *chain.from_iterable(heads)),
        tuple(
            (operation, *chain.from_iterable(map(_before_and_after, metrics)))
            for operation, metrics in by_operation(trend).items()
        ),
    )


def _before_and_after(one: Series) -> tuple[float | None, float | None, float | None]:
    change = relative_change(one)
    return one.level, one.values[-1], None if change is None else round(100 * change, 1)
