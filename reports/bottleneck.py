"""
What limited a trial, in one sentence: the second of the three that a manager reads.

The answer is looked for in this order, and the first that applies is told: nothing was
observed; the generator itself was the bottleneck (whatever the target did is then in
doubt); what a lab measured; then everything that kept attempts from ending ok in measured
phases, most frequent first, together with missed latency and throughput; else nothing.
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
"""From this share of the attempts on, refusals or errors limit a trial; an objective that
they broke makes them a limit whatever their share."""

SERVED_SHARE = 0.95
"""Of what was offered at the highest rate: where less was served, that is told."""

_UNMEASURED = (ReservedPhase.PROBE, ReservedPhase.CLEANUP, ReservedPhase.PREFLIGHT)
_BOTTLENECKS = {
    "429": "the rate limiter",
    "capacity": "the target's capacity",
    "timeouts": "timeouts of the target",
    "errors": "errors of the target",
    "latency": "the target's latency",
}


def bottleneck(model: ReportModel) -> str:
    """What limited the trial."""
    generator = model.summary["generator"]
    if not model.observed:
        return "What limited it cannot be told, for no attempt was observed."
    searched = model.labs.get("capacity", {}).get("kind") == "throughput"
    if generator["saturated"] and not searched:  # a search leaves such steps out, and says so
        return (
            f"The load generator itself limited it ({generator['reason']}), so latencies here "
            "say more about it than about the target: use more processes or less load."
        )
    return _by_lab(model.labs) or _by_outcome(model)


def _by_lab(labs: Mapping[str, Mapping[str, Any]]) -> str:
    """What a lab found, whose load goes to the limit on purpose; "" without one."""
    limiter, capacity = labs.get("rate_limit", {}), labs.get("capacity", {})
    if limiter.get("limited") is True:
        # What is proposed for the API's docs, as far as the limit itself.
        limit = str(limiter.get("paragraph") or "").partition(". ")[0].rstrip(".")
        return f"The rate limiter limited it: {limit or limiter.get('algorithm')}."
    if limiter.get("limited") is False:
        return "Nothing limited it: the lab met no rate limiter."
    if capacity.get("kind") == "sessions":
        return _by_ceiling(capacity)
    if capacity.get("kind") == "throughput":
        return _by_search(capacity)
    return ""


def _by_ceiling(lab: Mapping[str, Any]) -> str:
    ceiling = lab.get("ceiling")
    if not isinstance(ceiling, int):
        return "What limited it cannot be told: no session ceiling was found."
    if lab.get("bounded"):
        return f"Nothing limited it: all {ceiling:,} sessions asked for were open at once."
    code = lab.get("refusal_code")
    detail = f", beyond which creates were refused with {code}" if code else ""
    return f"The target's capacity limited it: {ceiling:,} sessions at once{detail}."


def _by_search(lab: Mapping[str, Any]) -> str:
    rate = _estimate(lab.get("max_rate_per_s"))
    held = f"the objectives held up to about {rate} arrivals a second" if rate else ""
    if lab.get("bound") == "generator":
        detail = held or "it could offer no more"
        return f"The load generator itself limited it: {detail}{_unserved(lab)}."
    first = _BOTTLENECKS.get(str(lab.get("gives_way")))
    if first:
        beyond = held or "the objectives held at no rate that was tried"
        return f"{capitalized(first)} limited it: {beyond}{_unserved(lab)}."
    if held:
        return f"Nothing limited it: {held}, the highest rate tried{_unserved(lab)}."
    return "What limited it cannot be told: no step of the search could be judged."


def _unserved(lab: Mapping[str, Any]) -> str:
    """What the objectives allowed: of the highest rate a part was not served."""
    served_per_s = served_at_highest(lab)
    if served_per_s is None or served_per_s >= SERVED_SHARE * lab["max_rate_per_s"]["estimate"]:
        return ""
    return (
        f", though of these only {number(served_per_s)} a second were served: the objectives "
        "say nothing of refusals"
    )


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
        limits.append(f"{_concurrency_cap(model)} ({plural(unstarted, 'arrival')} never begun)")
    if limits:
        return f"{capitalized(joined(limits))} limited it{_injected(model)}."
    if not total:
        return "What limited it cannot be told, for no attempt ended in a measured phase."
    good = f"{percent(outcomes.get('ok', 0) / total)} of the measured attempts ended ok"
    if model.manifest.state != "complete":
        after = format_duration(model.summary["duration_s"] * NS_PER_S)
        return f"Nothing limited it until it was cut off after {after}: {good}."
    return f"Nothing limited it: {good}, and {_schedule_kept(model)}."


def _injected(model: ReportModel) -> str:
    """What was done to the trial on purpose: not all that went wrong is the target's doing."""
    if not model.faults:
        return ""
    names = listed(list(dict.fromkeys(fault.name for fault in model.faults)))
    return f", under {plural(len(model.faults), 'injected fault')} ({names})"


def _concurrency_cap(model: ReportModel) -> str:
    load = model.manifest.plan.get("load")
    users = load.get("users") if isinstance(load, Mapping) else None
    most = f" of {users:,} calls in flight" if isinstance(users, int) else ""
    return f"the plan's own ceiling{most}"


def _schedule_kept(model: ReportModel) -> str:
    if model.summary["model"] == "closed":
        return "its users always had a next call to make"
    return "every planned arrival was begun"


def _count(model: ReportModel) -> dict[str, int]:
    """Outcomes of measured phases; of all but probes and cleanup where none is measured."""
    phase = model.counts["phase"]
    inside = phase.isin(measured_phases(model.manifest))
    kept = model.counts[inside if inside.any() else ~phase.isin(_UNMEASURED)]
    return {str(k): int(v) for k, v in kept.groupby("outcome")["count"].sum().items()}


def _refusals(
    outcomes: Mapping[str, int], total: int, broken: set[str], whose: str
) -> Iterator[str]:
    """The rate limiter, the capacity and the errors, those that count, most frequent first."""
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
        share = f"{percent(count / total)} of the attempts"
        if name == "rate_limited":
            yield f"the rate limiter ({share} refused)"
        elif name == "capacity_full":
            yield f"the target's capacity ({share} refused as full)"
        else:
            most = max(errors, key=errors.__getitem__)
            yield f"errors{whose} ({share}, most of all {most})"


def _drifted(model: ReportModel, whose: str) -> Iterator[str]:
    """What rose over a long steady load."""
    failed = {f.name for f in model.findings if f.verdict is Verdict.FAIL}
    figures = [figure for figure in ("p50", "p99") if f"drift.{figure}" in failed]
    if figures:
        owner = "the target's " if whose else ""
        yield f"{owner}latency (its {joined(figures)} rose over the load)"
    if "drift.errors" in failed:
        yield f"errors{whose} (more and more over the load)"


def _missed_objectives(missed: Sequence[tuple[Subject, str]], whose: str) -> Iterator[str]:
    owner = "the target's " if whose else ""
    for kind, words in ((Latency, "latency"), (Throughput, "throughput")):
        names = [name for subject, name in missed if isinstance(subject, kind)]
        if names:
            yield f"{owner}{words} ({listed(names)} missed)"
