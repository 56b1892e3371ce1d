"""
The rate at which the share of bad events reaches the criterion's error budget.

Every step of the search is evidence. Near the capacity of a queue the probability to exceed
a latency limit grows exponentially with the rate (``P(T > L) = C exp(-(capacity - rate) L)``
for M/M/c), and above it goes to 1. So the log of the bad share, relative to the budget
(allowance), is modelled as linear in the log of the rate::

    log(share / allowance) = log(f + (1 - f) exp(k (log rate - threshold)))

with threshold, steepness k and floor f (the bad events of an idle server, as a fraction of
the allowance) unknown and their posterior computed on a grid, flat in the threshold and in
log k.

Bad events come in bursts, so n of them weigh like ``n / deff``: a quasi-Poisson likelihood
with one design effect for all steps. A design effect per step would give a step with a
burst less weight than a lucky one and overestimate the target. No step weighs more than
`WEIGHT_MAX` events, because the curve is only approximately a line. A step in overload
(mostly bad, or with a growing backlog) is censored, with Student's t for noise.

Psychophysics finds thresholds with the same method: Watson and Pelli, "QUEST", Percept.
Psychophys. 33 (1983); Kontsevich and Tyler, Vision Research 39 (1999), for the unknown
steepness. Quasi-likelihood: Wedderburn, Biometrika 61 (1974).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

STEEPNESS = np.geomspace(8.0, 5000.0, 36)
FLOORS = ((0.0, 0.8), (0.25, 0.05), (0.5, 0.05), (0.75, 0.05), (0.9, 0.05))
"""Floors and their prior weights."""
GRID = 301
WEIGHT_MAX = 11.0
"""Greatest weight of a step in bad events: its log share is then 30 % uncertain."""
NOISE_MAX = 1.5
"""Greatest standard scale of the noise of a step in overload, in natural logs."""
OVERLOADED = 0.5
"""Share of bad events from which a step counts as overload."""
MODEL_ERROR = 0.02
"""Widening of each end of the interval, because the model is not the queue."""
POINTS = (0.0025, 0.25, 0.45, 0.75, 0.9925)
"""The posterior's points: lower end, lower quartile, estimate, upper quartile, upper end."""


@dataclass(frozen=True, slots=True)
class StepEvidence:
    """The evidence of one step on one criterion."""

    rate_per_s: float  # The offered rate
    bad: int
    total: int
    design_effect: float  # Number of bad events that weigh like one independent event, >= 1
    grew: bool = False  # The backlog grew: overload, whatever the share


@dataclass(frozen=True, slots=True)
class Threshold:
    """
    A rate with its interval, in arrivals per second.

    Attributes:
        estimate: Slightly below the posterior's median: windows that begin with an empty
            queue favour the target, and an overestimate is more costly.
    """

    estimate: float
    low: float  # low, high: The posterior's 0.25 % and 99.25 % points, `MODEL_ERROR` further out
    high: float
    spread: float  # The posterior's upper quartile over its lower one, less 1


def estimate_threshold(
    evidence: Sequence[StepEvidence], error_budget: float, *, low: float, high: float
) -> Threshold:
    """
    The rate between low and high at which the share of bad events reaches the error budget.

    An error budget of 0 counts as one in 10 000.
    """
    allowed = max(error_budget, 1e-4)
    grid = np.linspace(math.log(low), math.log(high), GRID)
    weights = []
    for floor, prior in FLOORS:
        weight = np.full((GRID, len(STEEPNESS)), math.log(prior))
        for item in evidence:
            if item.total > 0:
                rise = STEEPNESS * (math.log(item.rate_per_s) - grid[:, None])
                rise = np.clip(rise + math.log1p(-floor), -50.0, 50.0)
                expected = np.log(floor + np.exp(rise))
                weight += _log_likelihood(item, allowed, expected)
        weights.append(weight)
    weight = np.stack(weights)
    density = np.exp(weight - weight.max()).sum(axis=(0, 2))
    cumulative = np.cumsum(density) / density.sum()
    points = np.exp(np.interp(POINTS, cumulative, grid))
    return Threshold(
        estimate=float(points[2]),
        low=float(points[0]) * (1 - MODEL_ERROR),
        high=float(points[4]) * (1 + MODEL_ERROR),
        spread=float(points[3] / points[1]) - 1,
    )


def _log_likelihood(item: StepEvidence, allowed: float, expected: Floats) -> Floats:
    """Log likelihood of the step for each expected log relative share."""
    weighs_like = max(item.design_effect, item.bad / WEIGHT_MAX)
    if item.grew or item.bad > OVERLOADED * item.total:
        scale = min(math.sqrt(weighs_like / max(item.bad, 1)), NOISE_MAX)
        return _log_cdf((expected - math.log(OVERLOADED / allowed)) / scale)
    log_share = np.minimum(expected + math.log(allowed), 0.0)
    return np.asarray((item.bad * log_share - item.total * np.exp(log_share)) / weighs_like)


def _log_cdf(t: Floats) -> Floats:
    """Student's t with 3 degrees of freedom, in closed form."""
    u = t / math.sqrt(3.0)
    return np.asarray(np.log(np.maximum(0.5 + (u / (1 + u * u) + np.arctan(u)) / math.pi, 1e-12)))
