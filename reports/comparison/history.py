"""A trial among the earlier ones of the same load, in words and as a table."""

from __future__ import annotations

import math
from itertools import chain

from harness.experiments.compare.change_points import PELT, POINTS_MIN
from harness.experiments.compare.trend import METRICS, Series, Trend
from reports.formatting import plural, signed_percent
from reports.section import Table

_SHORT = ("p50", "p99", "rate")
"""What each of `METRICS` is called in a narrow head."""


def largest_change(trend: Trend) -> str:
    """What the last trial changed most against the level before; "" where none is known."""
    moved = [(change, one) for one in trend.series if (change := relative_change(one)) is not None]
    if not moved:
        return ""
    change, most = max(moved, key=lambda pair: abs(math.log1p(pair[0])))
    return f"{most.operation} {most.metric} ({signed_percent(change)})"


def relative_change(one: Series) -> float | None:
    """The last trial against the level before it, relative; None where one is absent."""
    last = one.values[-1]
    return None if last is None or one.level is None else last / one.level - 1


def sentences(trend: Trend) -> tuple[str, ...]:
    """How many there are, what moved most, and whether a level changed for good."""
    earlier = plural(len(trend.names) - 1, "earlier trial")
    parts = [f"{earlier} made the same load against the same target; this one is the last point."]
    if most := largest_change(trend):
        parts.append(
            f"Against the level before it, this trial's largest change is that of {most}; "
            "whether that is more than chance only a comparison can tell."
        )
    if len(trend.names) < POINTS_MIN:
        parts.append(f"Where a level changed for good can be told from {POINTS_MIN} trials on.")
        return tuple(parts)
    if not any(one.change_points for one in trend.series):
        parts.append("No level changed for good.")
    return (*parts, method_note(trend))


def method_note(trend: Trend) -> str:
    """How change points were searched for, and what counts as one."""
    method = "PELT (ruptures)" if trend.method == PELT.method else trend.method
    return (
        f"Change points by {method}, told where the medians before and after differ by the "
        "plan's threshold or more."
    )


def by_operation(trend: Trend) -> dict[str, list[Series]]:
    """Operation → its series, in the order of `METRICS`; one without a value where absent."""
    nothing = (None,) * len(trend.names)
    found = {(one.operation, one.metric): one for one in trend.series}
    names = dict.fromkeys(one.operation for one in trend.series)
    return {
        name: [found.get((name, m), Series(name, m, nothing, ())) for m in METRICS]
        for name in names
    }


def history_table(trend: Trend) -> Table:
    """One row an operation: of each metric the level before, this trial, and the change."""
    heads = ((f"{name} before", f"{name} now", f"{name} change, %") for name in _SHORT)
    return Table(
        "This trial against the level before it; times in ms, rates of good answers a second",
        ("operation", *chain.from_iterable(heads)),
        tuple(
            (operation, *chain.from_iterable(map(_before_and_after, metrics)))
            for operation, metrics in by_operation(trend).items()
        ),
    )


def _before_and_after(one: Series) -> tuple[float | None, float | None, float | None]:
    change = relative_change(one)
    return one.level, one.values[-1], None if change is None else round(100 * change, 1)
