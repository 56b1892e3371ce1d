"""A comparison in words: its verdict, its table and the table's cells."""

from __future__ import annotations

from harness.experiments.compare.changes import Change, Comparison
from harness.units import NS_PER_MS, NS_PER_S, format_duration
from reports.comparison.summary import long, percent_change
from reports.formatting import percent
from reports.section import Table

VERDICTS = {"pass": "Pass", "regressed": "Regressed", "inconclusive": "Inconclusive"}
_WEIGHT = {"regressed": 0, "inconclusive": 1, "pass": 2}

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


def why(change: Change) -> str:
    """Why a metric is inconclusive, and what would help; its threshold when it regressed."""
    if change.verdict == "regressed":
        return f"threshold {_threshold(change)}"
    if not change.reason:
        return ""
    if change.needed_runs:
        return f"{change.reason}: {change.needed_runs} runs a side"
    if change.needed_s:
        return f"{change.reason}: {long(change.needed_s)} a side"
    return change.reason


def describe(change: Change) -> str:
    """A metric that is known on both sides, in a sentence's worth."""
    ends = " to ".join(percent_change(change, end) for end in (change.low, change.high))
    return (
        f"{percent_change(change, change.change)} ({ends}), from "
        f"{value(change, change.baseline)} to {value(change, change.candidate)}; "
        f"threshold {_threshold(change)}"
    )


def changes_table(result: Comparison) -> Table:
    """Every metric, regressions first; its numbers can be sorted by."""
    return Table(
        "Change of each metric with its 95 % interval; of shares in points",
        (
            "verdict",
            "operation",
            "metric",
            "change, %",
            "from, %",
            "to, %",
            "threshold, %",
            "baseline",
            "candidate",
            "why",
        ),
        tuple(
            (
                change.verdict,
                change.operation,
                change.metric,
                *(_hundredfold(number) for number in (change.change, change.low, change.high)),
                _hundredfold(change.threshold),
                value(change, change.baseline),
                value(change, change.candidate),
                why(change) if change.verdict == "inconclusive" else "",
            )
            for change in by_weight(result)
        ),
    )


def sides(result: Comparison) -> tuple[tuple[str, str], ...]:
    """What was compared with what."""
    return tuple(
        (name, f"{', '.join(runs)}; {format_duration(seconds * NS_PER_S)} measured")
        for name, runs, seconds in (
            ("Baseline", _runs(result.baseline, result.baseline_called), result.baseline_s),
            ("Candidate", _runs(result.candidate, result.candidate_called), result.candidate_s),
        )
    )


def _runs(trials: tuple[str, ...], called: tuple[str, ...]) -> list[str]:
    """Each by its trial id, behind its name where it has one."""
    return [
        trial if name == trial else f"{name} ({trial})"
        for trial, name in zip(trials, called, strict=True)
    ]


def _hundredfold(number: float | None) -> float | None:
    return None if number is None else round(100 * number, 2)


def _threshold(change: Change) -> str:
    unit = "pt" if change.unit == "share" else "%"
    return f"{100 * change.threshold:g} {unit}"
