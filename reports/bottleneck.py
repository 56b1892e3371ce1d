"""
The bottleneck of a trial, in a sentence.

The first that applies: nothing was observed; the generator was the bottleneck; what a lab
measured; refusals, errors and missed objectives of measured phases, most frequent first; none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.analysis.distributions import measured_phases
from harness.attempt import ReservedPhase
from harness.experiments.capacity.phrases import served_at_highest
from harness.plan.slo import NOT_ERRORS, Latency, Share, Subject, Throughput
from harness.units import NS_PER_S, format_duration
from harness.verdicts import Verdict
from reports.formatting import capitalized, joined, listed, number, percent, plural
from reports.model import ReportModel
from reports.objectives import objectives

SIGNIFICANT_SHARE = 0.01
"""Refusals or errors are a bottleneck from this share of the attempts on, or at any share when
they break an objective."""

SERVED_SHARE = 0.95
"""Report the served rate when it is below this share of the offered rate."""

_UNMEASURED = (ReservedPhase.PROBE, ReservedPhase.CLEANUP, ReservedPhase.PREFLIGHT)
_BOTTLENECKS = {
    "429": "the rate limiter",
    "capacity": "the target's capacity",
    "timeouts": "timeouts of the target",
    "errors": "errors of the target",
    "latency": "the target's latency",
}


def bottleneck(model: ReportModel) -> str:
    """The bottleneck, or why it is unknown."""
    generator = model.summary["generator"]
    if not model.observed:
        return "Bottleneck unknown: no attempts were observed."
    searched = model.labs.get("capacity", {}).get("kind") == "throughput"
    if generator["saturated"] and not searched:  # a search excludes such steps
        return (
            f"Bottleneck: the load generator ({generator['reason']}). Latencies describe the "
            "generator more than the target. Use more processes or less load."
        )
    return _by_lab(model.labs) or _by_outcome(model)


def _by_lab(labs: Mapping[str, Mapping[str, Any]]) -> str:
    """The limit that a lab measured; "" without a lab."""
    limiter, capacity = labs.get("rate_limit", {}), labs.get("capacity", {})
    if limiter.get("limited") is True:
        # The first sentence of the text for the API's docs is the limit.
        limit = str(limiter.get("paragraph") or "").partition(". ")[0].rstrip(".")
        return f"Bottleneck: the rate limiter. Measured limit: {limit or limiter.get('algorithm')}."
    if limiter.get("limited") is False:
        return "No bottleneck found: the lab met no rate limit."
    if capacity.get("kind") == "sessions":
        return _by_ceiling(capacity)
    if capacity.get("kind") == "throughput":
        return _by_search(capacity)
    return ""


def _by_ceiling(lab: Mapping[str, Any]) -> str:
    ceiling = lab.get("ceiling")
    if not isinstance(ceiling, int):
        return "Bottleneck unknown: no session ceiling was found."
    if lab.get("bounded"):
        return f"No bottleneck found: all {ceiling:,} requested sessions were open concurrently."
    code = lab.get("refusal_code")
    detail = f"; further creates were refused with {code}" if code else ""
    return f"Bottleneck: the target's capacity. {ceiling:,} sessions fit concurrently{detail}."


def _by_search(lab: Mapping[str, Any]) -> str:
    rate = _estimate(lab.get("max_rate_per_s"))
    held = f"the objectives held up to about {rate} arrivals per second" if rate else ""
    if lab.get("bound") == "generator":
        detail = capitalized(held) or "It could offer no more load"
        return f"Bottleneck: the load generator. {detail}{_unserved(lab)}."
    first = _BOTTLENECKS.get(str(lab.get("gives_way")))
    if first:
        detail = capitalized(held) or "The objectives failed at every rate tried"
        return f"Bottleneck: {first}. {detail}{_unserved(lab)}."
    if held:
        return f"No bottleneck found: {held}, the highest rate tried{_unserved(lab)}."
    return "Bottleneck unknown: no step of the search is conclusive."


def _unserved(lab: Mapping[str, Any]) -> str:
    """The part of the highest rate that was not served, which the objectives allow."""
    served_per_s = served_at_highest(lab)
    if served_per_s is None or served_per_s >= SERVED_SHARE * lab["max_rate_per_s"]["estimate"]:
        return ""
    return f" (only {number(served_per_s)} per second were served: no objective covers refusals)"


def _estimate(value: Any) -> str:
    number = value.get("estimate") if isinstance(value, Mapping) else None
    return f"{number:,.4g}" if isinstance(number, int | float) else ""


def _by_outcome(model: ReportModel) -> str:
    outcomes = _count(model)
    missed = [(slo.subject, f.name) for slo, f in objectives(model.findings, Verdict.FAIL)]
    total = sum(outcomes.values())
    broken = {subject.outcome for subject, _ in missed if isinstance(subject, Share)}
    whose = "" if model.faults else " of the target"
    limits = [*_refusals(outcomes, total, broken, whose), *_missed_objectives(missed, whose)]
    limits += _drifted(model, whose)
    unstarted = model.summary["totals"]["unstarted_arrivals"]
    if unstarted:
        limits.append(f"{_concurrency_cap(model)} ({plural(unstarted, 'arrival')} never started)")
    if limits:
        return f"Bottleneck{'s' * (len(limits) > 1)}: {joined(limits)}{_injected(model)}."
    if not total:
        return "Bottleneck unknown: no attempt ended in a measured phase."
    good = f"{percent(outcomes.get('ok', 0) / total)} of measured attempts ended ok"
    if model.manifest.state != "complete":
        after = format_duration(model.summary["duration_s"] * NS_PER_S)
        return f"No bottleneck before the load stopped after {after}: {good}."
    return f"No bottleneck found: {good}, and {_schedule_kept(model)}."


def _injected(model: ReportModel) -> str:
    """The injected faults, which may be the cause instead of the target."""
    if not model.faults:
        return ""
    names = listed(list(dict.fromkeys(fault.name for fault in model.faults)))
    return f", during {plural(len(model.faults), 'injected fault')} ({names})"


def _concurrency_cap(model: ReportModel) -> str:
    load = model.manifest.plan.get("load")
    users = load.get("users") if isinstance(load, Mapping) else None
    most = f" of {users:,} calls in flight" if isinstance(users, int) else ""
    return f"the plan's limit{most}"


def _schedule_kept(model: ReportModel) -> str:
    if model.summary["model"] == "closed":
        return "users always had a next call to make"
    return "every planned arrival started"


def _count(model: ReportModel) -> dict[str, int]:
    """Outcomes of measured phases; if none is measured, of all but probes and cleanup."""
    phase = model.counts["phase"]
    inside = phase.isin(measured_phases(model.manifest))
    kept = model.counts[inside if inside.any() else ~phase.isin(_UNMEASURED)]
    return {str(k): int(v) for k, v in kept.groupby("outcome")["count"].sum().items()}


def _refusals(
    outcomes: Mapping[str, int], total: int, broken: set[str], whose: str
) -> Iterator[str]:
    """Rate limiter, capacity and errors, if significant; most frequent first."""
    errors = {name: count for name, count in outcomes.items() if name not in NOT_ERRORS}
    shares = {
        "rate_limited": outcomes.get("rate_limited", 0),
        "capacity_full": outcomes.get("capacity_full", 0),
        "errors": sum(errors.values()),
    }
    blamed = broken | ({"errors"} if broken & errors.keys() else set())
    for name, count in sorted(shares.items(), key=lambda item: -item[1]):
        if not count or (count < SIGNIFICANT_SHARE * total and not blamed & {name, "ok"}):
            continue
        share = f"{percent(count / total)} of attempts"
        if name == "rate_limited":
            yield f"the rate limiter ({share} refused)"
        elif name == "capacity_full":
            yield f"the target's capacity ({share} refused as full)"
        else:
            most = max(errors, key=errors.__getitem__)
            yield f"errors{whose} ({share}, mostly {most})"


def _drifted(model: ReportModel, whose: str) -> Iterator[str]:
    """Latency and errors that rose during a long steady load."""
    failed = {f.name for f in model.findings if f.verdict is Verdict.FAIL}
    figures = [figure for figure in ("p50", "p99") if f"drift.{figure}" in failed]
    if figures:
        owner = "the target's " if whose else ""
        yield f"{owner}latency ({joined(figures)} rose during the load)"
    if "drift.errors" in failed:
        yield f"errors{whose} (rising during the load)"


def _missed_objectives(missed: Sequence[tuple[Subject, str]], whose: str) -> Iterator[str]:
    owner = "the target's " if whose else ""
    for kind, words in ((Latency, "latency"), (Throughput, "throughput")):
        names = [name for subject, name in missed if isinstance(subject, kind)]
        if names:
            yield f"{owner}{words} ({listed(names)} missed)"
