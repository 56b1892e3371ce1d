"""
The estimate of a throughput search from its steps.

It is the posterior over all steps (`threshold`) for the criterion that fails at the lowest
rate. Its interval is wider than the posterior's central 99 %, because the model is not the
queue and windows of seconds are not the long run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from harness.experiments.capacity.decision import Decision, measure_share
from harness.experiments.capacity.steps import Criterion, StepResult
from harness.experiments.capacity.threshold import StepEvidence, Threshold, estimate_threshold

Spacing = Literal["poisson", "uniform"]
BURSTS_S: dict[Spacing, float] = {"poisson": 1.5, "uniform": 0.2}
"""Prior length of a burst of bad events, by the spacing of the arrivals."""
BURST_WEIGHT = 20.0
"""Weight of that prior, in bad events."""
BURSTS_MAX = 0.05
"""Share of bad events from which a step is ignored for the length of bursts."""
LIMITING_SHARE_MIN = 0.01
"""Least share of a step's attempts that makes a kind of refusal the limiting resource."""


class Bound(StrEnum):
    """What ended the search."""

    SLO = "slo"
    """An objective fails above the estimate: the usual end."""
    MAX_RATE = "max_rate"
    """The objectives hold at the highest allowed rate: the estimate is a lower bound."""
    GENERATOR = "generator"
    """The generator could not offer more: the estimate is a lower bound."""
    INFEASIBLE = "doomed"
    """The objectives fail at the first rate."""
    UNKNOWN = "unknown"
    """No valid observation."""


@dataclass(frozen=True, slots=True)
class JudgedStep:
    """A valid step, its decision and its backlog growth (s/s)."""

    result: StepResult
    decision: Decision
    growth: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """
    The search's result; rates in arrivals per second.

    Attributes:
        estimate, low, high: The highest rate at which the objectives hold. NaN if infeasible
            or unknown; `high` is infinite if no failure bounds it.
    """

    estimate: float
    low: float
    high: float
    bound: Bound
    binding: str  # The criterion that fails first; "" if none did
    gives_way: str  # See `limiting_resource`
    confirmed_per_s: float  # Highest rate that passed all its confirming windows; NaN if none
    steps: tuple[JudgedStep, ...]  # The valid steps, in order
    void_steps: tuple[StepResult, ...]  # Steps with a saturated generator
    notes: tuple[str, ...]  # Remarks: hysteresis, void steps, an unclear confirmation


def build_estimate(
    steps: Sequence[JudgedStep],
    void_steps: Sequence[StepResult],
    criteria: Sequence[Criterion],
    *,
    bound: Bound,
    passed: float,
    failed: float,
    burst_s: float,
) -> Estimate:
    """
    Build the estimate; its bound is `Bound.UNKNOWN` before the search ends.

    In the bracket, `passed` is the highest rate that passed (0 if none did) and `failed` the
    lowest that failed (infinite if none did). `burst_s` is the expected length of a burst of
    bad events.
    """
    estimate = low = high = math.nan
    binding = ""
    if steps and passed > 0:
        if math.isfinite(failed):
            found, binding = lowest_threshold(
                estimate_thresholds(steps, criteria, passed, failed, burst_s)
            )
            estimate, low, high = found.estimate, found.low, found.high
        else:
            estimate = low = passed
            high = math.inf
    return Estimate(
        estimate=estimate,
        low=low,
        high=high,
        bound=bound,
        binding=binding,
        gives_way=limiting_resource(steps),
        confirmed_per_s=_confirmed_rate(steps),
        steps=tuple(steps),
        void_steps=tuple(void_steps),
        notes=tuple(_notes(steps, void_steps, bound)),
    )


def estimate_thresholds(
    steps: Sequence[JudgedStep],
    criteria: Sequence[Criterion],
    passed: float,
    failed: float,
    burst_s: float,
) -> list[tuple[Threshold, str]]:
    """
    Each criterion's threshold and name. The range is wider than the bracket, because short
    bracketing steps are uncertain. A criterion without a bad event at any rate is ignored if
    another one has some.
    """
    broken = {
        index
        for index in range(len(criteria))
        if any(measure_share(judged_step.result.judged, index).bad for judged_step in steps)
    } or set(range(len(criteria)))
    return [
        (
            estimate_threshold(
                _evidence(steps, index, burst_s),
                criterion.error_budget,
                low=0.6 * passed,
                high=1.3 * failed,
            ),
            criterion.name,
        )
        for index, criterion in enumerate(criteria)
        if index in broken
    ]


def lowest_threshold(found: Sequence[tuple[Threshold, str]]) -> tuple[Threshold, str]:
    """The lowest threshold and the name of its criterion."""
    binding, name = min(found, key=lambda pair: pair[0].estimate)
    low = min(threshold.low for threshold, _ in found)
    high = min(threshold.high for threshold, _ in found)
    return replace(binding, low=low, high=max(high, binding.estimate)), name


def _evidence(steps: Sequence[JudgedStep], index: int, burst_s: float) -> list[StepEvidence]:
    shares = [measure_share(judged_step.result.judged, index) for judged_step in steps]
    # Overload is one long burst and says nothing about others.
    some = [share for share in shares if 0 < share.value < BURSTS_MAX]
    bursts = sum(share.bad * share.design_effect for share in some)
    events = sum(share.bad for share in some)

    def typical(rate_per_s: float) -> float:
        expected = max(burst_s * rate_per_s, 1.0)
        return (bursts + expected * BURST_WEIGHT) / (events + BURST_WEIGHT)

    return [
        StepEvidence(
            rate_per_s=judged_step.result.step.rate_per_s,
            bad=share.bad,
            total=share.total,
            design_effect=typical(judged_step.result.step.rate_per_s),
            grew=judged_step.growth > 0,
        )
        for judged_step, share in zip(steps, shares, strict=True)
    ]


def limiting_resource(steps: Sequence[JudgedStep]) -> str:
    """
    What fails first: ``429``, ``capacity``, ``timeouts``, ``errors`` or ``latency``; "" if
    nothing did. It is the most frequent refusal of the failing step with the lowest rate, or
    latency if refusals are rare.
    """
    failing = [judged_step.result for judged_step in steps if judged_step.decision is Decision.FAIL]
    if not failing:
        return ""
    outcomes = min(failing, key=lambda result: result.step.rate_per_s).outcomes
    kinds = {"429": 0, "capacity": 0, "timeouts": 0, "errors": 0}
    for outcome, count in outcomes.items():
        if outcome != "ok":
            kinds[_RESOURCES.get(outcome, "errors")] += count
    kind = max(kinds, key=kinds.__getitem__)
    return kind if kinds[kind] >= LIMITING_SHARE_MIN * sum(outcomes.values()) else "latency"


_RESOURCES = {
    "rate_limited": "429",
    "capacity_full": "capacity",
    "timeout": "timeouts",
    "launch_timeout": "timeouts",
}


def _confirmed_rate(steps: Sequence[JudgedStep]) -> float:
    by_rate: dict[float, list[Decision]] = {}
    for judged_step in steps:
        if judged_step.result.step.purpose == "confirm":
            by_rate.setdefault(judged_step.result.step.rate_per_s, []).append(judged_step.decision)
    held = [
        rate
        for rate, decisions in by_rate.items()
        if len(decisions) > 1 and decisions[-1] is Decision.PASS and Decision.FAIL not in decisions
    ]
    return max(held, default=math.nan)


def _notes(
    steps: Sequence[JudgedStep], void_steps: Sequence[StepResult], bound: Bound
) -> list[str]:
    notes = []
    if void_steps:
        notes.append(f"{len(void_steps)} steps were void: the generator was saturated")
    if bound in {Bound.SLO, Bound.MAX_RATE} and math.isnan(_confirmed_rate(steps)):
        notes.append("no rate clearly passed all its confirming windows")
    if (pair := _hysteresis(steps)) is not None:
        held, failed = pair
        notes.append(
            f"{failed:.4g}/s failed after {held:.4g}/s passed: the target drifts or does not "
            "recover from overload (hysteresis)"
        )
    return notes


def _hysteresis(steps: Sequence[JudgedStep]) -> tuple[float, float] | None:
    """A rate that passed and a clearly lower one that failed later."""
    best = 0.0
    for judged_step in steps:
        rate = judged_step.result.step.rate_per_s
        if judged_step.decision is Decision.FAIL and rate < 0.9 * best:
            return best, rate
        if judged_step.decision is Decision.PASS:
            best = max(best, rate)
    return None
