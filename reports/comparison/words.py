"""A comparison in words: the headline, the cells of its table, compare.md."""

from __future__ import annotations

from harness.experiments.compare.comparison import Change, Comparison
from harness.units import NS_PER_MS, NS_PER_S, format_duration
from reports.markdown import escape, gfm_table
from reports.prose import percent
from reports.section import Table

VERDICTS = {"pass": "Pass", "regressed": "Regressed", "inconclusive": "Inconclusive"}
_SYMBOLS = {"pass": "✅", "regressed": "❌", "inconclusive": "❔"}
_WEIGHT = {"regressed": 0, "inconclusive": 1, "pass": 2}
_DAY_S = 86_400
_ROWS_MAX = 60

_RESAMPLED = (
    "Each side's seconds were resampled in blocks of neighbours (moving-block bootstrap), as "
    "long as the load's own memory asks for; an interval holds the true change in 95 of 100 "
    "comparisons."
)
_JUDGED = (
    "A metric regressed when it got worse by its threshold or more, and so significantly "
    "that the chance of any false alarm over all metrics is 5 % (Holm's correction). It "
    "passed when its whole interval lies below the threshold. Otherwise too little was seen "
    "to tell."
)
_COUNTED = (
    "Times are of good answers in measured phases. A share of an outcome is compared by its "
    "difference, in points of all attempts of the operation."
)
METHOD = (_RESAMPLED, _JUDGED, _COUNTED)
"""How it was compared, in three paragraphs."""


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
    parts = [f"runs of {_long(result.needed_s)}"] if result.needed_s else []
    parts += [f"{runs} runs"] if runs else []
    return f" {' and '.join(parts).capitalize()} a side would be needed." if parts else ""


def by_weight(result: Comparison) -> list[Change]:
    """Regressions first, then doubts; each in the order of operations."""
    return sorted(result.changes, key=lambda change: _WEIGHT[change.verdict])


def value(change: Change, number: float | None) -> str:
    """A figure of one side, in its unit."""
    if number is None:
        return "–"
    if change.unit == "ms":
        return format_duration(number * NS_PER_MS)
    return percent(number) if change.unit == "share" else f"{number:.4g}/s"


def percent_change(change: Change, number: float | None) -> str:
    """A change or an end of its interval: ``+12.3 %``, or points for a share."""
    if number is None:
        return "–"
    if abs(number) >= 100:
        return f"×{number + 1:,.0f}"
    unit = "pt" if change.unit == "share" else "%"
    decimals = 2 if change.unit == "share" else 1
    return f"{100 * number:+.{decimals}f} {unit}".replace("-", "−")


def why(change: Change) -> str:
    """Why a metric is inconclusive, and what would help; its threshold when it regressed."""
    if change.verdict == "regressed":
        return f"threshold {_threshold(change)}"
    if not change.reason:
        return ""
    if change.needed_runs:
        return f"{change.reason}: {change.needed_runs} runs a side"
    if change.needed_s:
        return f"{change.reason}: {_long(change.needed_s)} a side"
    return change.reason


def changes_table(result: Comparison) -> Table:
    """Every metric, regressions first."""
    return Table(
        "Change of each metric with its 95 % interval",
        (
            "verdict",
            "operation",
            "metric",
            "baseline",
            "candidate",
            "change",
            "interval",
            "threshold",
            "why",
        ),
        tuple(
            (
                change.verdict,
                change.operation,
                change.metric,
                value(change, change.baseline),
                value(change, change.candidate),
                percent_change(change, change.change),
                _interval(change),
                _threshold(change),
                why(change) if change.verdict == "inconclusive" else "",
            )
            for change in by_weight(result)
        ),
    )


def sides(result: Comparison) -> tuple[tuple[str, str], ...]:
    """What was compared with what."""
    return tuple(
        (name, f"{', '.join(trials)} ({format_duration(seconds * NS_PER_S)} measured)")
        for name, trials, seconds in (
            ("Baseline", result.baseline, result.baseline_s),
            ("Candidate", result.candidate, result.candidate_s),
        )
    )


def render_markdown(result: Comparison) -> str:
    """compare.md: for a pull request or a job summary."""
    whole = changes_table(result)
    shown = Table(whole.caption, whole.head, whole.rows[:_ROWS_MAX])
    left = len(whole.rows) - len(shown.rows)
    blocks = [
        f"# {_SYMBOLS[result.verdict]} {VERDICTS[result.verdict]}: candidate against baseline",
        f"**{escape(headline(result))}**",
        *(f"- {escape(f'{name}: {text}')}" for name, text in sides(result)),
        *(f"- mind: {escape(caution)}" for caution in result.cautions),
        gfm_table(shown) if shown.rows else "",
        f"{left} more metrics are in compare.json." if left else "",
        *(escape(text) for text in METHOD[1:]),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _interval(change: Change) -> str:
    if change.low is None or change.high is None:
        return "–"
    return f"{percent_change(change, change.low)} … {percent_change(change, change.high)}"


def _threshold(change: Change) -> str:
    unit = "pt" if change.unit == "share" else "%"
    return f"{100 * change.threshold:g} {unit}"


def _excess(change: Change) -> float:
    """How many thresholds a change is."""
    return abs(change.change or 0.0) / change.threshold


def _long(seconds: float) -> str:
    if seconds > _DAY_S:
        return "more than a day"
    rounded = max(round(seconds / 10) * 10, 10) if seconds < 600 else round(seconds / 60) * 60
    return format_duration(rounded * NS_PER_S)
