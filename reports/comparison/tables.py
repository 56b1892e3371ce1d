"""A comparison in words: its verdict, its table and the table's cells."""

from __future__ import annotations

from harness.experiments.compare.changes import Change, Comparison
from harness.units import NS_PER_MS, NS_PER_S, format_duration
from reports.comparison.summary import percent_change, rough_duration
from reports.formatting import percent
from reports.section import Table

VERDICTS = {"pass": "Pass", "regressed": "Regressed", "inconclusive": "Inconclusive"}
_SEVERITY = {"regressed": 0, "inconclusive": 1, "pass": 2}

_BOOTSTRAP_METHOD = (
    "Each side's seconds were resampled in blocks of neighbours (moving-block bootstrap), as "
    "long as the load's own memory asks for; an interval holds the true change in 95 of 100 "
    "comparisons."
)
_DECISION_METHOD = (
    "A metric regressed when it got worse by its threshold or more, and so significantly "
    "that the chance of any false alarm over all metrics is 5 % (Holm's correction). It "
    "passed when its whole interval lies below the threshold. Otherwise too little was seen "
    "to tell."
)
_COUNTING_METHOD = (
    "Times are of good answers in measured phases. A share of an outcome is compared by its "
    "difference, in points of all attempts of the operation."
)
METHOD = (_BOOTSTRAP_METHOD, _DECISION_METHOD, _COUNTING_METHOD)
"""How it was compared, in three paragraphs."""


def by_severity(result: Comparison) -> list[Change]:
    """Regressions first, then doubts; each in the order of operations."""
    return sorted(result.changes, key=lambda change: _SEVERITY[change.verdict])


def format_value(change: Change, number: float | None) -> str:
    """A figure of one side, in its unit."""
    if number is None:
        return "–"
    if change.unit == "ms":
        return format_duration(number * NS_PER_MS)
    return percent(number) if change.unit == "share" else f"{number:.4g}/s"


def reason_text(change: Change) -> str:
    """Why a metric is inconclusive, and what would help; its threshold when it regressed."""
    if change.verdict == "regressed":
        return f"threshold {_threshold(change)}"
    if not change.reason:
        return ""
    if change.needed_runs:
        return f"{change.reason}: {change.needed_runs} runs a side"
    if change.needed_s:
        return f"{change.reason}: {rough_duration(change.needed_s)} a side"
    return change.reason


def describe_change(change: Change) -> str:
    """A metric that is known on both sides, in a sentence's worth."""
    ends = " to ".join(percent_change(change, end) for end in (change.low, change.high))
    return (
        f"{percent_change(change, change.change)} ({ends}), from "
        f"{format_value(change, change.baseline)} to {format_value(change, change.candidate)}; "
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
                *(_percent(number) for number in (change.change, change.low, change.high)),
                _percent(change.threshold),
                format_value(change, change.baseline),
                format_value(change, change.candidate),
                reason_text(change) if change.verdict == "inconclusive" else "",
            )
            for change in by_severity(result)
        ),
    )


def describe_sides(result: Comparison) -> tuple[tuple[str, str], ...]:
    """What was compared with what."""
    return tuple(
        (name, f"{', '.join(runs)}; {format_duration(seconds * NS_PER_S)} measured")
        for name, runs, seconds in (
            (
                "Baseline",
                _trial_names(result.baseline, result.baseline_labels),
                result.baseline_s,
            ),
            (
                "Candidate",
                _trial_names(result.candidate, result.candidate_labels),
                result.candidate_s,
            ),
        )
    )


def _trial_names(trials: tuple[str, ...], labels: tuple[str, ...]) -> list[str]:
    """Each by its trial id, behind its name where it has one."""
    return [
        trial if name == trial else f"{name} ({trial})"
        for trial, name in zip(trials, labels, strict=True)
    ]


def _percent(number: float | None) -> float | None:
    return None if number is None else round(100 * number, 2)


def _threshold(change: Change) -> str:
    unit = "pt" if change.unit == "share" else "%"
    return f"{100 * change.threshold:g} {unit}"
