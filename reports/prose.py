"""Sentences of a report, as plain text from a `ReportModel`; each renderer escapes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from harness.experiments.compare.changes import read_comparison
from harness.experiments.compare.trend import read_trend
from harness.units import NS_PER_S, format_duration
from harness.verdicts import Finding, Verdict
from reports.bottleneck import bottleneck
from reports.comparison.history import largest_change
from reports.comparison.summary import headline as compared
from reports.formatting import capitalized, joined, listed, milliseconds, number, percent, plural
from reports.model import ReportModel

_DETAIL_MAX = 200
_KIND = "Load and reliability trial"
_LABS = {"rate_limit": "Rate limiter measured", "capacity": "Capacity measured"}
_OVERRUN_S, _OVERRUN_SHARE = 5.0, 0.1
"""Report an end later than planned by this much: seconds, and share of the plan."""
_LATE_SHARE = 0.01
VERDICT_LABELS = {Verdict.PASS: "Pass", Verdict.FAIL: "Fail", Verdict.UNKNOWN: "Unknown"}

METHOD = (
    (
        "Service time runs from the start of sending a request, connecting included, to the "
        "complete response. It is the time that the target takes."
    ),
    (
        "Response time runs from the planned start of a request to the complete response. It is "
        "the time that a caller on schedule waits. A stall shows in the response time of every "
        "request queued behind it, so a client that waits does not hide it (coordinated "
        "omission)."
    ),
    (
        "Percentiles are nearest ranks over all attempts that ended ok in measured phases. They "
        "come from HdrHistogram counts from 1 µs to one hour with three significant digits; an "
        "attempt over one hour counts as one hour. Counts of attempts and outcomes cover every "
        "phase of the load, including warm-up and cleanup. Probes are separate operations and "
        "count in no other row. Preflight requests appear in no table and no figure."
    ),
)
"""How the trial was measured, in three paragraphs."""


def trial_kind(model: ReportModel) -> str:
    """The line above the title: kind of trial, plan and start."""
    kind = next((name for lab, name in _LABS.items() if lab in model.labs), _KIND)
    return f"{kind} · plan {plan_name(model)} · {started_at(model)}"


def plan_name(model: ReportModel) -> str:
    """The plan's name; trials of older versions may have none."""
    name = model.manifest.plan.get("name")
    return name if isinstance(name, str) else "without name"


def started_at(model: ReportModel) -> str:
    """The start of the load in UTC."""
    when = datetime.fromtimestamp(model.manifest.started_ns // NS_PER_S, UTC)
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def headline(model: ReportModel) -> str:
    """The verdict in one sentence; says first when the load stopped early."""
    verdict = _verdict(model)
    full = model.manifest.state == "complete" or (_lost(model) and not _of_plan(model))
    if full or not model.observed:
        return verdict
    return f"Stopped after {_duration(model)}{_of_plan(model)}: {verdict[:1].lower()}{verdict[1:]}"


def _verdict(model: ReportModel) -> str:
    failed = _of_verdict(model.findings, Verdict.FAIL)
    unknown = _of_verdict(model.findings, Verdict.UNKNOWN)
    total = len(model.findings)
    if failed:
        return f"{_part_of(len(failed), total)} failed: {_finding_names(failed)}."
    if not model.observed:
        return "Result unknown: no attempts were observed."
    if unknown:
        verb = "is" if len(unknown) == 1 else "are"
        return f"{_part_of(len(unknown), total)} {verb} unknown: {_finding_names(unknown)}."
    if not total:
        return "Result unknown: no checks ran."
    return f"{_part_of(total, total)} passed."


def brief(model: ReportModel) -> tuple[str, str, str]:
    """The three lead sentences: verdict, bottleneck, change since the baseline."""
    return headline(model), bottleneck(model), _changed(model)


def sentences(model: ReportModel) -> tuple[str, ...]:
    """Three sentences on load, outcomes and latency, then caveats."""
    parts = [_load_sentence(model), _outcome_sentence(model), _latency_sentence(model)]
    caveats = [_late(model), _unstarted(model), _incomplete(model)]
    return (*parts, *(caveat for caveat in caveats if caveat))


def _load_sentence(model: ReportModel) -> str:
    summary, load = model.summary, model.summary["load"]
    target = "the built-in stand-in" if summary["embedded"] else summary["host"]
    return (
        f"In {_duration(model)} of {summary['model']}-model load, "
        f"{summary['scenario']} sent {plural(load['attempts'], 'attempt')} for "
        f"{plural(load['calls'], 'call')} ({number(load['attempts_per_s'])} attempts per "
        f"second){_probes(model)} to {target}."
    )


def _probes(model: ReportModel) -> str:
    probes = sum(row["probes"]["attempts"] for row in model.summary["operations"].values())
    return f" and {plural(probes, 'probe')}" if probes else ""


def _outcome_sentence(model: ReportModel) -> str:
    load, outcomes = model.summary["load"], model.summary["load"]["outcomes"]
    if not load["attempts"]:
        return "No attempts were recorded."
    if load["ok"] == load["attempts"]:
        return "Every attempt ended ok."
    others = sorted(
        ((count, name) for name, count in outcomes.items() if name != "ok" and count),
        key=lambda pair: (-pair[0], pair[1]),
    )
    parts = [f"{name} {count:,}" for count, name in others[:3]]
    parts += [plural(len(others) - 3, "other outcome")] if len(others) > 3 else []
    return (
        f"{percent(load['ok'] / load['attempts'])} of attempts ended ok (others: {joined(parts)}), "
        f"and {percent(load['calls_ok'] / load['calls'])} of calls succeeded."
    )


def _latency_sentence(model: ReportModel) -> str:
    slowest = max(
        (
            (operation["response_ms"]["p99"], name, operation["service_ms"]["p99"])
            for name, operation in model.summary["operations"].items()
            if operation["response_ms"]["p99"] is not None
        ),
        default=None,
    )
    if slowest is None:
        return "Latency unknown: no attempt ended ok in a measured phase."
    response_ms, name, service_ms = slowest
    return (
        f"The slowest operation was {name}: 99 % of its successful attempts took at most "
        f"{milliseconds(service_ms)} from sending (service time) and at most "
        f"{milliseconds(response_ms)} from the planned start (response time)."
    )


def _changed(model: ReportModel) -> str:
    """The change since the baseline; without a baseline, since earlier trials."""
    result = read_comparison(model.labs.get("compare", {}))
    if result is not None:
        return f"Against the baseline {listed(result.baseline_labels)}: {compared(result)}"
    if model.manifest.state != "complete":
        return "Change unknown: the load stopped before its planned end."
    trend = read_trend(model.labs.get("trend", {}))
    if trend is not None and (most := largest_change(trend)):
        earlier = plural(len(trend.names) - 1, "earlier trial")
        return f"No baseline for this load yet. Largest change against {earlier}: {most}."
    return "No baseline for this load yet. Save one with `harness baseline save NAME TRIAL`."


def _duration(model: ReportModel) -> str:
    return format_duration(model.summary["duration_s"] * NS_PER_S)


def _planned_s(model: ReportModel) -> float:
    """The planned length; 0 when unknown, as for labs, which stop on their own."""
    ends = [phase.end_ns for phase in model.manifest.phases]
    known = bool(ends) and not any(lab in model.labs for lab in _LABS)
    return (max(ends) - model.manifest.started_ns) / NS_PER_S if known else 0.0


def _of_plan(model: ReportModel) -> str:
    planned_s = _planned_s(model)
    if planned_s <= model.summary["duration_s"]:
        return ""
    return f" of the planned {format_duration(planned_s * NS_PER_S)}"


def _late(model: ReportModel) -> str:
    """Late starts that the generator did not cause, and an end later than planned."""
    planned = sum(worker.planned for worker in model.manifest.workers)
    late = model.summary["totals"]["late_starts"]
    behind = late - sum(worker.late_by_generator for worker in model.manifest.workers)
    saturated = model.summary["generator"]["saturated"]  # the bottleneck sentence says so
    planned_s = _planned_s(model)
    over_s = model.summary["duration_s"] - planned_s if planned_s else 0.0
    parts = []
    if behind > _LATE_SHARE * planned and not saturated:
        arrivals = plural(planned, "arrival")
        parts.append(f"{behind:,} of {arrivals} started late because no user was free")
    if over_s >= max(_OVERRUN_S, _OVERRUN_SHARE * planned_s):
        over = format_duration(over_s * NS_PER_S)
        parts.append(f"the last response arrived {over} after the planned end")
    return f"{capitalized(joined(parts))}." if parts else ""


def _unstarted(model: ReportModel) -> str:
    unstarted = model.summary["totals"]["unstarted_arrivals"]
    if not unstarted:
        return ""
    return f"{plural(unstarted, 'planned arrival')} never started: the load was below plan."


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
    """The findings' names; a single one with its detail, if that is short."""
    first, *others = findings
    detail = first.detail.rstrip(".")
    if others or not detail or len(detail) > _DETAIL_MAX:
        return listed([finding.name for finding in findings])
    return f"{first.name} ({detail})"


def _part_of(part: int, total: int) -> str:
    if total == 1:
        return "The only check"
    return f"All {total} checks" if part == total else f"{part} of {total} checks"
