"""A comparison as a table, and texts of single changes."""

from __future__ import annotations

from harness.experiments.compare.changes import Change, Comparison
from harness.units import NS_PER_MS, NS_PER_S, format_duration
from reports.comparison.summary import percent_change, rough_duration
from reports.formatting import percent
from reports.section import Table

VERDICTS = {"pass": "Pass", "regressed": "Regressed", "inconclusive": "Inconclusive"}
SEVERITY = {"regressed": 0, "inconclusive": 1, "pass": 2}

METHOD = (
    (
        "The seconds of each side are resampled in blocks of neighbours (moving-block bootstrap). "
        "The block length follows the autocorrelation of the load. A 95 % interval holds the true "
        "change in 95 of 100 comparisons."
    ),
    (
        "A metric regressed when it is worse by its tolerance or more and the change is "
        "significant: the chance of any false alarm over all metrics is 5 % (Holm's correction). "
        "It passed when its complete interval is below the tolerance. Otherwise it is "
        "inconclusive."
    ),
    (
        "Times are of attempts that ended ok in measured phases. The share of an outcome is "
        "compared by its difference, in points of all attempts of the operation."
    ),
)
"""How the comparison works, in three paragraphs."""


def by_severity(result: Comparison) -> list[Change]:
    """Regressed first, then inconclusive; each in the order of operations."""
    return sorted(result.changes, key=lambda change: SEVERITY[change.verdict])


def format_value(change: Change, number: float | None) -> str:
    """The value of one side with its unit."""
    if number is None:
        return "–"
    if change.unit == "ms":
        return format_duration(number * NS_PER_MS)
    return percent(number) if change.unit == "share" else f"{number:.4g}/s"


def reason_text(change: Change) -> str:
    """Why a metric is inconclusive and what would help; the tolerance of a regressed one."""
    if change.verdict == "regressed":
        return f"tolerance {_tolerance(change)}"
    if not change.reason:
        return ""
    if change.needed_runs:
        return f"{change.reason}; each side needs {change.needed_runs} trials"
    if change.needed_s:
        return f"{change.reason}; each side needs {rough_duration(change.needed_s)}"
    return change.reason


def describe_change(change: Change) -> str:
    """A change that is known on both sides: size, interval, values and tolerance."""
    ends = " to ".join(percent_change(change, end) for end in (change.low, change.high))
    return (
        f"{percent_change(change, change.change)} ({ends}), from "
        f"{format_value(change, change.baseline)} to {format_value(change, change.candidate)}; "
        f"tolerance {_tolerance(change)}"
    )


def changes_table(result: Comparison) -> Table:
    """All metrics, regressions first."""
    return Table(
        "Change of each metric with its 95 % interval (shares of outcomes: in points)",
        (
            "verdict",
            "operation",
            "metric",
            "change, %",
            "low, %",
            "high, %",
            "tolerance, %",
            "baseline",
            "candidate",
            "reason",
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
    """Each side's trials and measured time."""
    sides = (
        ("Baseline", result.baseline, result.baseline_labels, result.baseline_s),
        ("Candidate", result.candidate, result.candidate_labels, result.candidate_s),
    )
    return tuple(
        (name, f"{_trial_names(*trials)}; {format_duration(seconds * NS_PER_S)} measured")
        for name, *trials, seconds in sides
    )


def _trial_names(trials: tuple[str, ...], labels: tuple[str, ...]) -> str:
    """Each trial id, after its label if it has another one."""
    return ", ".join(
        trial if name == trial else f"{name} ({trial})"
        for trial, name in zip(trials, labels, strict=True)
    )


def _percent(number: float | None) -> float | None:
    return None if number is None else round(100 * number, 2)


def _tolerance(change: Change) -> str:
    unit = "pt" if change.unit == "share" else "%"
    return f"{100 * change.threshold:g} {unit}"
