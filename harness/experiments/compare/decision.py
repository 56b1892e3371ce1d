"""
From changes to verdicts.

Everything is decided on an *effect*: worse is positive. For times it is the logarithm of
candidate over baseline, for throughput that of baseline over candidate, for an outcome
the difference of the shares. An effect is

- **regressed** when it is significantly above zero (one-sided, Holm's correction over all
  metrics: the chance of any false alarm is 5 %) *and* at least the practical threshold;
- **pass** when its whole 95 % interval lies below the threshold;
- **inconclusive** otherwise: too little was seen to tell, and how long a run would be
  needed is told.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from harness.experiments.compare.samples import Floats

ALPHA = 0.05
Z = float(special.ndtri(1 - ALPHA / 2))
POWER_Z = float(special.ndtri(0.8))
TAIL_MIN = 10
"""A percentile needs so many values above it, on either side."""
STEPS_MIN = 8
"""Fewer steps tell nothing of how steps differ."""

MetricVerdict = Literal["pass", "regressed", "inconclusive"]


@dataclass(frozen=True, slots=True, eq=False)
class MetricSample:
    """
    One metric of one side.

    Attributes:
        value: The figure itself, on the scale of effects.
        replicates: The same of every bootstrap replicate.
        trials: The same of every run alone.
        degrees: Degrees of freedom of the replicates' variance.
    """

    value: float
    replicates: Floats
    trials: Floats
    degrees: float


@dataclass(frozen=True, slots=True)
class Effect:
    """
    A change and how well it is known; worse is positive.

    Attributes:
        value: The effect.
        low, high: Its 95 % interval.
        p: Chance of an effect at least so bad were there none (one-sided).
        between_trials: True when runs differ more among themselves than their seconds explain.
    """

    value: float
    low: float
    high: float
    p: float
    between_trials: bool


def estimate_effect(baseline: MetricSample, candidate: MetricSample, *, sign: int) -> Effect | None:
    """
    The effect of two samples; None when a figure or its spread is not known.

    The interval is the percentile interval of the replicates, widened by Student's t for
    the few blocks there are. Where the runs of a side differ more than their seconds can
    explain (an F test at 10 %), their pooled variance takes its place.
    """
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
        return Effect(
            value,
            value - t * between_trials,
            value + t * between_trials,
            p,
            between_trials=True,
        )
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
    """
    The verdict of one metric.

    Args:
        effect: Its effect.
        adjusted_p: Its p value after `holm`.
        threshold: The practical threshold, on the scale of effects.
    """
    if adjusted_p <= ALPHA and effect.value >= threshold:
        return "regressed"
    return "pass" if effect.high < threshold else "inconclusive"


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down adjustment: reject where it is at most alpha."""
    p = np.asarray(p_values, float)
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in adjusted]


def needed_factor(effect: Effect, threshold: float) -> float:
    """
    How many times as long (or as many runs) a side would have to be for an answer.

    So long that, were there no change, four of five comparisons would pass; where the
    interval is that narrow already, so long that it leaves the threshold.
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


def _trials_differ(between_trials: float, of_runs: float, spread: float, of_blocks: float) -> bool:
    if between_trials <= spread:
        return False
    if spread == 0:
        return True
    return float(special.fdtrc(of_runs, of_blocks, (between_trials / spread) ** 2)) < 0.1


def _between_trials(baseline: Floats, candidate: Floats) -> tuple[float, float]:
    """Standard error of the effect by the runs' pooled variance, and its degrees."""
    degrees = len(baseline) + len(candidate) - 2
    together = np.concatenate((baseline, candidate))
    if degrees < 1 or not np.isfinite(together).all():
        return 0.0, 1.0
    squares = sum(float(((side - side.mean()) ** 2).sum()) for side in (baseline, candidate))
    pooled = squares / degrees
    return math.sqrt(pooled * (1 / len(baseline) + 1 / len(candidate))), float(degrees)
