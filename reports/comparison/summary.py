"""A comparison in sentences: verdict, reasons for inconclusive metrics, largest changes."""

from __future__ import annotations

from collections.abc import Iterator

from harness.experiments.compare.changes import Change, Comparison
from harness.units import NS_PER_S, format_duration
from reports.formatting import joined, plural

_DAY_S = 86_400
_TENFOLD = 9.0  # from this change on, a factor is shown


def headline(result: Comparison) -> str:
    """The verdict in a sentence each: what regressed, what passed, what is inconclusive."""
    total, passed = len(result.changes), len(result.of("pass"))
    if not total:
        return "Comparison impossible: neither side has a measured attempt."
    regressed, inconclusive = result.of("regressed"), result.of("inconclusive")
    parts = []
    if regressed:
        worst = max(regressed, key=_tolerance_multiples)
        parts.append(
            f"{len(regressed)} of {total} metrics regressed, most of all {worst.operation} "
            f"{worst.metric} ({percent_change(worst, worst.change)})."
        )
    if passed == total:
        parts.append(f"All {plural(total, 'metric')} passed: none is worse by its tolerance.")
    elif passed:
        parts.append(f"{passed} of {total} metrics passed.")
    if inconclusive:
        verb = "is" if len(inconclusive) == 1 else "are"
        needed = _needed_load(result)
        parts.append(f"{len(inconclusive)} of {total} metrics {verb} inconclusive{needed}.")
    return " ".join(parts)


def brief(result: Comparison) -> tuple[str, str, str]:
    """The three lead sentences: verdict, reasons for inconclusive metrics, largest changes."""
    return headline(result), _limited(result), _changed(result)


def _limited(result: Comparison) -> str:
    if result.doubtful:
        return f"The load generator limited the comparison: {result.doubtful}."
    inconclusive = result.of("inconclusive")
    if not inconclusive:
        return "Every metric is conclusive." if result.changes else "There is nothing to compare."
    reasons = [
        (sum(c.needed_s is not None for c in inconclusive), "too short trials"),
        (sum(c.needed_runs is not None for c in inconclusive), "too few trials"),
        (sum(c.needed_s is c.needed_runs is None for c in inconclusive), "missing observations"),
    ]
    parts = joined([f"{name} ({plural(count, 'metric')})" for count, name in reasons if count])
    return f"Reasons for inconclusive metrics: {parts}."


def _changed(result: Comparison) -> str:
    known = [c for c in result.changes if c.change is not None and c.unit != "share"]
    if not known:
        return "Change unknown: no time and no throughput was measured on both sides."
    ends = max(known, key=worsening), min(known, key=worsening)
    return f"Largest changes of times and throughput: {joined([*_extremes(*ends)]) or 'none'}."


def _extremes(worst: Change, best: Change) -> Iterator[str]:
    for change, sign, side in ((worst, 1, "worse"), (best, -1, "better")):
        if sign * worsening(change) > 0:
            number = percent_change(change, change.change)
            yield f"{change.operation} {change.metric} ({number}, {side})"


def worsening(change: Change) -> float:
    """The change of a time or a throughput, positive when worse."""
    return worse_sign(change) * (change.change or 0.0)


def worse_sign(change: Change) -> int:
    """-1 where less is worse (throughput), else 1."""
    return -1 if change.unit == "per_s" else 1


def _needed_load(result: Comparison) -> str:
    """How much load or how many trials would decide the rest; "" when unknown."""
    if result.doubtful:  # more load of the same generator would be doubtful too
        return ""
    trials = max((c.needed_runs for c in result.changes if c.needed_runs), default=0)
    parts = [f"{rough_duration(result.needed_s)} of load"] if result.needed_s else []
    parts += [plural(trials, "trial")] if trials else []
    return f"; each side needs {' and '.join(parts)}" if parts else ""


def percent_change(change: Change, number: float | None) -> str:
    """A change or a bound of its interval: ``+12.3 %``, ``×12``, or points for a share."""
    if number is None:
        return "–"
    if number >= _TENFOLD and change.unit != "share":
        return f"×{number + 1:,.0f}"
    unit = "pt" if change.unit == "share" else "%"
    decimals = 2 if change.unit == "share" else 1
    return f"{100 * number:+.{decimals}f} {unit}".replace("-", "−")


def _tolerance_multiples(change: Change) -> float:
    """The change as a multiple of its tolerance."""
    return abs(change.change or 0.0) / change.threshold


def rough_duration(seconds: float) -> str:
    """The length that a trial should have, rounded."""
    if seconds > _DAY_S:
        return "over a day"
    rounded = max(round(seconds / 10) * 10, 10) if seconds < 600 else round(seconds / 60) * 60
    return format_duration(rounded * NS_PER_S).removesuffix(" 0 s")
