"""
From changes to verdicts.

A verdict depends on an *effect*, which is positive if the candidate is worse: for times
log(candidate / baseline), for throughput log(baseline / candidate), for an outcome the
difference of the shares. An effect is

- **regressed** if it is significantly above zero (one-sided, Holm's correction over all
  metrics: the chance of any false alarm is 5 %) *and* at least the practical threshold;
- **pass** if its 95 % interval lies below the threshold;
- **inconclusive** otherwise; the comparison then estimates how much load would decide it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from harness.experiments.compare.samples import Floats

ALPHA = 0.05
Z = NormalDist().inv_cdf(1 - ALPHA / 2)
POWER_Z = NormalDist().inv_cdf(0.8)
TAIL_MIN = 10
"""A percentile needs this number of values above it, on each side."""
STEPS_MIN = 8
"""Fewer time steps do not show how steps differ."""

MetricVerdict = Literal["pass", "regressed", "inconclusive"]


@dataclass(frozen=True, slots=True, eq=False)
class MetricSample:
    """One metric of one side, on the scale of effects."""

    value: float
    replicates: Floats  # The value of each bootstrap replicate
    trials: Floats  # The value of each trial alone
    degrees: float  # Degrees of freedom of the replicates' variance


@dataclass(frozen=True, slots=True)
class Effect:
    """A change with its 95 % interval; worse is positive."""

    value: float
    low: float
    high: float
    p: float  # One-sided p value of "worse"
    between_trials: bool  # Trials differ more than the variation within them explains


def estimate_effect(baseline: MetricSample, candidate: MetricSample, *, sign: int) -> Effect | None:
    """
    The effect of two samples; None if a value or its spread is unknown.

    The interval is the percentile interval of the replicates, widened by Student's t because
    blocks are few. If the trials of a side differ more than the variation within them
    explains (an F test at 10 %), their pooled variance is used instead.
    """
    from scipy import special  # noqa: PLC0415  slow to import, and few trials are compared

    value = sign * (candidate.value - baseline.value)
    replicates = sign * (candidate.replicates - baseline.replicates)
    replicates = replicates[np.isfinite(replicates)]
    if not math.isfinite(value) or len(replicates) < len(baseline.replicates) // 2:
        return None
    variances = [float(np.nanvar(_finite(s.replicates))) for s in (baseline, candidate)]
    spread = math.sqrt(sum(variances))
    degrees = _welch(variances, (baseline.degrees, candidate.degrees))
    between_trials, between_degrees = _between_trials(baseline.trials, candidate.trials)
    if _trials_differ(between_trials, between_degrees, spread, degrees):
        t = float(special.stdtrit(between_degrees, 1 - ALPHA / 2))
        p = float(special.stdtr(between_degrees, -value / between_trials))
        half = t * between_trials
        return Effect(value, value - half, value + half, p, between_trials=True)
    widening = float(special.stdtrit(degrees, 1 - ALPHA / 2)) / Z
    low, high = np.quantile(replicates, (ALPHA / 2, 1 - ALPHA / 2))
    p = float(special.stdtr(degrees, -value / spread)) if spread > 0 else float(value <= 0)
    return Effect(
        value,
        min(value + (float(low) - value) * widening, value),
        max(value + (float(high) - value) * widening, value),
        p,
        between_trials=False,
    )


def decide(effect: Effect, adjusted_p: float, threshold: float) -> MetricVerdict:
    """The verdict for a p value after `holm` and a tolerance on the scale of effects."""
    if adjusted_p <= ALPHA and effect.value >= threshold:
        return "regressed"
    return "pass" if effect.high < threshold else "inconclusive"


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down adjustment: reject values of at most alpha."""
    p = np.asarray(p_values, float)
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in adjusted]


def needed_factor(effect: Effect, threshold: float) -> float:
    """
    By which factor to extend the load (or the trials) of each side for a decision.

    With that much load four of five comparisons pass if nothing changed. If the interval is
    narrow enough already, the factor separates it from the threshold.
    """
    half = effect.high - effect.value
    if half <= 0:
        return 1.0
    enough = (half * (1 + POWER_Z / Z) / threshold) ** 2
    distance = abs(threshold - effect.value)
    if enough > 1 or distance == 0:
        return max(enough, 1.1)
    return max((half / distance) ** 2, 1.1)


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)


def _welch(variances: Sequence[float], degrees: Sequence[float]) -> float:
    below = sum(v**2 / d for v, d in zip(variances, degrees, strict=True))
    return max(sum(variances) ** 2 / below, 1.0) if below > 0 else min(degrees)


def _trials_differ(
    between_trials: float, of_trials: float, spread: float, of_blocks: float
) -> bool:
    from scipy import special  # noqa: PLC0415

    if between_trials <= spread:
        return False
    if spread == 0:
        return True
    return float(special.fdtrc(of_trials, of_blocks, (between_trials / spread) ** 2)) < 0.1


def _between_trials(baseline: Floats, candidate: Floats) -> tuple[float, float]:
    """Standard error of the effect from the trials' pooled variance, and its degrees."""
    degrees = len(baseline) + len(candidate) - 2
    together = np.concatenate((baseline, candidate))
    if degrees < 1 or not np.isfinite(together).all():
        return 0.0, 1.0
    squares = sum(float(((side - side.mean()) ** 2).sum()) for side in (baseline, candidate))
    pooled = squares / degrees
    return math.sqrt(pooled * (1 / len(baseline) + 1 / len(candidate))), float(degrees)
