"""
The sentences of a report: what a manager reads, with the numbers in them.

Pure text from a `ReportModel`; each renderer escapes it in its own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from harness.experiments.compare.document import read_comparison
from harness.experiments.compare.trend_document import read_trend
from harness.units import NS_PER_S, format_duration
from harness.verdicts import Finding, Verdict
from reports.bottleneck import bottleneck
from reports.comparison.history import largest_change
from reports.comparison.summary import headline as compared
from reports.formatting import (
    capitalized,
    joined,
    listed,
    milliseconds,
    number,
    percent,
    plural,
)
from reports.model import ReportModel

_DETAIL_MAX = 200
_KIND = "Load and reliability trial"
_LABS = {"rate_limit": "Rate limiter measured", "capacity": "Capacity measured"}
_OVERRUN_S, _OVERRUN_SHARE = 5.0, 0.1
"""An end so much later than the plan's, in seconds and of the plan, is told."""
_LATE_SHARE = 0.01
VERDICT_LABELS = {Verdict.PASS: "Pass", Verdict.FAIL: "Fail", Verdict.UNKNOWN: "Unknown"}

_SERVICE = (
    "Service time runs from the moment the client set out to send a request (connecting "
    "included) until its whole answer was there: what the target took."
)
_RESPONSE = (
    "Response time runs from the moment the plan wanted the request on its way until its "
    "whole answer was there: what a caller on schedule felt. A stall shows in the response "
    "time of everything that queued behind it, so it is not hidden by a client that "
    "politely waits (coordinated omission)."
)
_PERCENTILES = (
    "Percentiles are nearest ranks of all attempts that ended ok in measured phases, merged "
    "as HdrHistogram counts from 1 µs to one hour with three significant digits; an attempt "
    "beyond one hour counts as one hour. Counts of attempts and outcomes hold every phase of "
    "the load, warm-up and cleanup too; probes are operations of their own kind and in no "
    "other's numbers, and what was asked before the load began (is the target there, does it "
    "take the key) is in no table and no figure."
)
METHOD = (_SERVICE, _RESPONSE, _PERCENTILES)
"""How it was measured, in three paragraphs."""


def trial_kind(model: ReportModel) -> str:
    """What sort of trial it was, of which plan and when: the line above the title."""
    sorts = [name for lab, name in _LABS.items() if lab in model.labs]
    return " · ".join((*(sorts or [_KIND])[:1], f"plan {plan_name(model)}", started_at(model)))


def plan_name(model: ReportModel) -> str:
    """The plan's name; a trial of an older version may not know it."""
    name = model.manifest.plan.get("name")
    return name if isinstance(name, str) else "without a name"


def started_at(model: ReportModel) -> str:
    """When the load began."""
    when = datetime.fromtimestamp(model.manifest.started_ns // NS_PER_S, UTC)
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def headline(model: ReportModel) -> str:
    """The verdict in one plain sentence, with a word before it where the load was cut off."""
    parts = _verdict(model)
    whole = model.manifest.state == "complete" or (_lost(model) and not _of_plan(model))
    if whole or not model.observed:
        return parts
    after = f"Cut off after {_duration(model)}{_of_plan(model)}: "
    return after + parts[:1].lower() + parts[1:]


def _verdict(model: ReportModel) -> str:
    failed = _of_verdict(model.findings, Verdict.FAIL)
    doubtful = _of_verdict(model.findings, Verdict.UNKNOWN)
    total = len(model.findings)
    if failed:
        return f"{_part_of(len(failed), total)} failed: {_finding_names(failed)}."
    if not model.observed:
        return "No attempt was observed, so nothing can be said."
    if doubtful:
        return (
            f"{_part_of(len(doubtful), total)} could not be answered: {_finding_names(doubtful)}."
        )
    if not total:
        return "Nothing was checked, so there is nothing to pass."
    return "The one check passed." if total == 1 else f"All {total} checks passed."


def brief(model: ReportModel) -> tuple[str, str, str]:
    """What a manager reads: did it pass, what limited it, what changed since the baseline."""
    return headline(model), bottleneck(model), _changed(model)


def sentences(model: ReportModel) -> tuple[str, ...]:
    """Three sentences: what was done, how it ended, how long it took; then what to mind."""
    parts = [_load_sentence(model), _outcome_sentence(model), _latency_sentence(model)]
    caveats = [_late(model), _unstarted(model), _incomplete(model)]
    return (*parts, *(caveat for caveat in caveats if caveat))


def _load_sentence(model: ReportModel) -> str:
    summary, load = model.summary, model.summary["load"]
    target = "the built-in stand-in" if summary["embedded"] else summary["host"]
    return (
        f"In {_duration(model)} of {summary['model']} load, "
        f"{summary['scenario']} sent {plural(load['attempts'], 'attempt')} for "
        f"{plural(load['calls'], 'call')} ({number(load['attempts_per_s'])} attempts a "
        f"second){_probes(model)} to {target}."
    )


def _probes(model: ReportModel) -> str:
    probes = sum(row["probes"]["attempts"] for row in model.summary["operations"].values())
    return f" and {plural(probes, 'probe')}" if probes else ""


def _outcome_sentence(model: ReportModel) -> str:
    load, outcomes = model.summary["load"], model.summary["load"]["outcomes"]
    if not load["attempts"]:
        return "No attempt ended, well or badly."
    if load["ok"] == load["attempts"]:
        return "Every attempt ended ok."
    good = f"{percent(load['ok'] / load['attempts'])} of the attempts ended ok"
    others = sorted(
        ((count, name) for name, count in outcomes.items() if name != "ok" and count),
        key=lambda pair: (-pair[0], pair[1]),
    )
    calls = f"{percent(load['calls_ok'] / load['calls'])} of the calls came to a good end"
    worst = ", ".join(f"{name} {count:,}" for count, name in others[:3])
    more = f" and {plural(len(others) - 3, 'other kind')}" if len(others) > 3 else ""
    return f"{good} (the others: {worst}{more}), and {calls}."


def _latency_sentence(model: ReportModel) -> str:
    slowest = max(
        (
            (operation["response_ms"]["p99"], name, operation)
            for name, operation in model.summary["operations"].items()
            if operation["response_ms"]["p99"] is not None
        ),
        default=None,
        key=lambda entry: (entry[0], entry[1]),
    )
    if slowest is None:
        return "No attempt ended ok in a measured phase, so there is no latency to tell."
    response_ms, name, operation = slowest
    return (
        f"The slowest operation was {name}: 99 % of its good answers took "
        f"{milliseconds(operation['service_ms']['p99'])} or less once sent, and "
        f"{milliseconds(response_ms)} or less counted from when they were due."
    )


def _changed(model: ReportModel) -> str:
    """What changed since the baseline; where there is none, since earlier trials."""
    result = read_comparison(model.labs.get("compare", {}))
    if result is not None:
        return f"Against the baseline {listed(result.baseline_labels)}: {compared(result)}"
    if model.manifest.state != "complete":
        return "What changed cannot be told, for the trial did not run to its planned end."
    trend = read_trend(model.labs.get("trend", {}))
    if trend is not None and (most := largest_change(trend)):
        return (
            "There is no baseline of the same load to compare with; against "
            f"{plural(len(trend.names) - 1, 'earlier trial')} the largest change is that of "
            f"{most}."
        )
    return "What changed cannot be told, for there is no baseline of the same load to compare with."


def _duration(model: ReportModel) -> str:
    return format_duration(model.summary["duration_s"] * NS_PER_S)


def _planned_s(model: ReportModel) -> float:
    """How long the plan was; 0 where nobody knows, or a lab ends when it knows enough."""
    ends = [phase.end_ns for phase in model.manifest.phases]
    known = bool(ends) and not any(lab in model.labs for lab in _LABS)
    return (max(ends) - model.manifest.started_ns) / NS_PER_S if known else 0.0


def _of_plan(model: ReportModel) -> str:
    planned_s = _planned_s(model)
    if planned_s <= model.summary["duration_s"]:
        return ""
    return f" of the planned {format_duration(planned_s * NS_PER_S)}"


def _late(model: ReportModel) -> str:
    """Late starts that were not the generator's doing, and the end that they put off."""
    planned = sum(worker.planned for worker in model.manifest.workers)
    late = model.summary["totals"]["late_starts"]
    behind = late - sum(worker.late_by_generator for worker in model.manifest.workers)
    blamed = model.summary["generator"]["saturated"]  # which is told already, and weighs more
    planned_s = _planned_s(model)
    over_s = model.summary["duration_s"] - planned_s if planned_s else 0.0
    parts = []
    if behind > _LATE_SHARE * planned and not blamed:
        parts.append(
            f"{behind:,} of {plural(planned, 'arrival')} began late, for no user was free in time"
        )
    if over_s >= max(_OVERRUN_S, _OVERRUN_SHARE * planned_s):
        parts.append(f"the last answer came {format_duration(over_s * NS_PER_S)} after the plan")
    return f"{capitalized(joined(parts))}." if parts else ""


def _unstarted(model: ReportModel) -> str:
    unstarted = model.summary["totals"]["unstarted_arrivals"]
    if not unstarted:
        return ""
    return (
        f"{plural(unstarted, 'planned arrival')} were never begun: the load was lower than planned."
    )


def _lost(model: ReportModel) -> list[str]:
    return [worker.worker for worker in model.manifest.workers if worker.state != "drained"]


def _incomplete(model: ReportModel) -> str:
    if lost := _lost(model):
        names = listed(lost)
        return f"Generator processes were lost ({names}): some attempts may be missing."
    return ""


def _of_verdict(findings: Sequence[Finding], verdict: Verdict) -> list[Finding]:
    return [finding for finding in findings if finding.verdict is verdict]


def _finding_names(findings: Sequence[Finding]) -> str:
    """The names of some findings; a lone one with what was seen, where that is short."""
    first, *others = findings
    detail = first.detail.rstrip(".")
    if others or not detail or len(detail) > _DETAIL_MAX:
        return listed([finding.name for finding in findings])
    return f"{first.name} ({detail})"


def _part_of(part: int, whole: int) -> str:
    if whole == 1:
        return "The one check"
    return f"All {whole} checks" if part == whole else f"{part} of {whole} checks"
