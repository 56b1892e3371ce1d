"""A comparison in plain sentences: the verdict, what limited it, what changed."""

from __future__ import annotations

from collections.abc import Iterator

from harness.experiments.compare.changes import Change, Comparison
from harness.units import NS_PER_S, format_duration
from reports.formatting import capitalized, joined, plural

_DAY_S = 86_400
_TENFOLD = 9.0  # a change so large is said as a factor


def headline(result: Comparison) -> str:
    """The verdict in one plain sentence."""
    total = len(result.changes)
    if not total:
        return "Neither side has a measured attempt, so nothing can be compared."
    regressed, open_ = result.of("regressed"), result.of("inconclusive")
    parts = []
    if regressed:
        worst = max(regressed, key=_threshold_multiples)
        parts.append(
            f"{len(regressed)} of {total} metrics regressed, most of all {worst.operation} "
            f"{worst.metric} ({percent_change(worst, worst.change)})"
        )
    if open_:
        parts.append(f"{len(open_)} of {total} metrics cannot be told{_needed_load(result)}")
    if not parts:
        parts.append(f"None of {total} metrics is worse by its threshold")
    return f"{'; '.join(parts)}."


def brief(result: Comparison) -> tuple[str, str, str]:
    """What a manager reads: did it pass, what limited the answer, what changed."""
    return headline(result), _limited(result), _changed(result)


def _limited(result: Comparison) -> str:
    if result.doubtful:
        return f"The load generator limited the comparison: {result.doubtful}."
    open_ = result.of("inconclusive")
    if not open_:
        seen = "every metric could be told" if result.changes else "there was nothing to see"
        return f"Nothing limited the comparison: {seen}."
    lacking = [
        (sum(c.needed_s is not None for c in open_), "the length of the runs"),
        (sum(c.needed_runs is not None for c in open_), "the number of runs"),
        (sum(c.needed_s is c.needed_runs is None for c in open_), "what a side never saw"),
    ]
    parts = joined([f"{name} ({plural(count, 'metric')})" for count, name in lacking if count])
    return f"{capitalized(parts)} limited the comparison."


def _changed(result: Comparison) -> str:
    known = [c for c in result.changes if c.change is not None and c.unit != "share"]
    if not known:
        return "What changed cannot be told: no time and no throughput is known on both sides."
    ends = max(known, key=worsening), min(known, key=worsening)
    parts = joined([*_extremes(*ends)]) or "none, for better or worse"
    return f"The largest changes of times and throughput are {parts}."


def _extremes(worst: Change, best: Change) -> Iterator[str]:
    for change, sign, side in ((worst, 1, "worse"), (best, -1, "better")):
        if sign * worsening(change) > 0:
            yield (
                f"{change.operation} {change.metric} for the {side} "
                f"({percent_change(change, change.change)})"
            )


def worsening(change: Change) -> float:
    """A change of a time or a throughput; positive is worse: less throughput is."""
    return (-1 if change.unit == "per_s" else 1) * (change.change or 0.0)


def _needed_load(result: Comparison) -> str:
    """How much load, or how many runs, would tell the rest; "" when that is not known."""
    if result.doubtful:  # more of the same would be as doubtful
        return ""
    runs = max((c.needed_runs for c in result.changes if c.needed_runs), default=0)
    parts = [f"{rough_duration(result.needed_s)} of measured load"] if result.needed_s else []
    parts += [f"{runs} runs"] if runs else []
    return f" ({' and '.join(parts)} a side would tell)" if parts else ""


def percent_change(change: Change, number: float | None) -> str:
    """A change or an end of its interval: ``+12.3 %``, ``×12``, or points for a share."""
    if number is None:
        return "–"
    if number >= _TENFOLD and change.unit != "share":
        return f"×{number + 1:,.0f}"
    unit = "pt" if change.unit == "share" else "%"
    decimals = 2 if change.unit == "share" else 1
    return f"{100 * number:+.{decimals}f} {unit}".replace("-", "−")


def _threshold_multiples(change: Change) -> float:
    """How many thresholds a change is."""
    return abs(change.change or 0.0) / change.threshold


def rough_duration(seconds: float) -> str:
    """How long a run should be, roundly."""
    if seconds > _DAY_S:
        return "more than a day"
    rounded = max(round(seconds / 10) * 10, 10) if seconds < 600 else round(seconds / 60) * 60
    return format_duration(rounded * NS_PER_S).removesuffix(" 0 s")
