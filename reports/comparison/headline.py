"""A comparison in one plain sentence or two."""

from __future__ import annotations

from harness.experiments.compare.comparison import Change, Comparison
from harness.units import NS_PER_S, format_duration

_DAY_S = 86_400


def headline(result: Comparison) -> str:
    """The verdict in one plain sentence or two."""
    total = len(result.changes)
    if not total:
        return "Neither side has a measured attempt, so nothing can be compared."
    regressed, open_ = result.of("regressed"), result.of("inconclusive")
    told = []
    if regressed:
        worst = max(regressed, key=_excess)
        told.append(
            f"{len(regressed)} of {total} metrics regressed, most of all {worst.operation} "
            f"{worst.metric}: {percent_change(worst, worst.change)}."
        )
    if open_:
        told.append(f"{len(open_)} of {total} metrics cannot be told.{needed(result)}")
    if not told:
        told.append(f"None of {total} metrics is worse by its threshold.")
    return " ".join(told)


def needed(result: Comparison) -> str:
    """How long a run, or how many, would tell the rest; "" when that is not known."""
    runs = max((c.needed_runs for c in result.changes if c.needed_runs), default=0)
    parts = [f"runs of {long(result.needed_s)}"] if result.needed_s else []
    parts += [f"{runs} runs"] if runs else []
    return f" {' and '.join(parts).capitalize()} a side would be needed." if parts else ""


def percent_change(change: Change, number: float | None) -> str:
    """A change or an end of its interval: ``+12.3 %``, or points for a share."""
    if number is None:
        return "–"
    if abs(number) >= 100:
        return f"×{number + 1:,.0f}"
    unit = "pt" if change.unit == "share" else "%"
    decimals = 2 if change.unit == "share" else 1
    return f"{100 * number:+.{decimals}f} {unit}".replace("-", "−")


def _excess(change: Change) -> float:
    """How many thresholds a change is."""
    return abs(change.change or 0.0) / change.threshold


def long(seconds: float) -> str:
    """How long a run should be, roundly."""
    if seconds > _DAY_S:
        return "more than a day"
    rounded = max(round(seconds / 10) * 10, 10) if seconds < 600 else round(seconds / 60) * 60
    return format_duration(rounded * NS_PER_S)
