"""
The decision on one rate from its blocks: pass, fail or unclear.

**Share of bad events.** Wilson's score interval decides, not the point estimate. A queue's
bad events come in bursts, so n events weigh like ``n / deff``, with the design effect
``deff`` estimated from the variance of the blocks.
Source: Wilson, JASA 22 (1927); Kish, *Survey Sampling* (1965), for the design effect;
Dean and Pagano, J. Surv. Stat. Methodol. 3 (2015), for Wilson with it.

**Growing backlog.** An open queue offered ``(1 + e)`` times its capacity falls behind by e
seconds a second: the slope of the response time is the overload. Just above capacity a step
ends before the latency limit is reached, so the share alone would pass. The block means are
compared with a random walk of the same increments, which models a queue at its capacity, so
a stationary queue is rarely classified as growing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from harness.experiments.capacity.steps import Block, Criterion

Floats = npt.NDArray[np.float64]

Z = 1.645
"""For 5 % of error at each end of an interval."""
Z_SURE = 3.0
GROWTH_Z = 3.0
GROWTH_MIN = 0.004
"""Least overload that counts as growth, as a fraction of capacity."""
GROWTH_BLOCKS = 6


class Decision(StrEnum):
    """The decision on a rate."""

    PASS = "pass"  # noqa: S105  a verdict
    FAIL = "fail"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Share:
    """A share of bad events with its interval."""

    bad: int
    total: int
    low: float  # low, high: Wilson's interval, 90 % two-sided, widened by the design effect
    high: float
    design_effect: float  # Number of events that weigh like one independent event, >= 1

    @property
    def value(self) -> float:
        """The plain share; NaN without events."""
        return self.bad / self.total if self.total else math.nan


def wilson(bad: float, total: float, z: float = Z) -> tuple[float, float]:
    """Wilson's score interval of ``bad / total``; (0, 1) without events."""
    if total <= 0:
        return 0.0, 1.0
    p = bad / total
    centre = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def measure_share(blocks: Sequence[Block], index: int) -> Share:
    """The share of events that are bad by criterion number `index`."""
    bad = np.array([b.bad[index] for b in blocks], dtype=float)
    total = np.array([b.total[index] for b in blocks], dtype=float)
    deff = design_effect(bad, total)
    low, high = wilson(bad.sum() / deff, total.sum() / deff)
    return Share(int(bad.sum()), int(total.sum()), low, high, deff)


def design_effect(bad: Floats, total: Floats) -> float:
    """
    Variance of the blocks' bad counts over the binomial's, with the correlation of
    neighbouring blocks; at least 1, and 1 where no block has a bad event.
    """
    events = total.sum()
    if len(bad) < 3 or not 0 < bad.sum() < events:
        return 1.0
    p = bad.sum() / events
    residual = bad - p * total
    variance = float((residual**2).sum()) * len(bad) / (len(bad) - 1)
    neighbours = float((residual[1:] * residual[:-1]).sum())
    inflated = variance + 2 * max(0.0, neighbours)
    return max(1.0, inflated / float((total * p * (1 - p)).sum()))


def backlog_growth(blocks: Sequence[Block]) -> float:
    """
    The overload: increase of response time in seconds per second; 0 if a queue at its
    capacity would show as much by chance.
    """
    known = [b for b in blocks if not math.isnan(b.response_s)]
    if len(known) < GROWTH_BLOCKS:
        return 0.0
    times = np.array([b.start_s + b.length_s / 2 for b in known])
    means = np.array([b.response_s for b in known])
    slope = theil_sen(times, means)
    increments = np.diff(means)
    gain = slope * float(times[-1] - times[0])
    walk = float(np.std(increments)) * math.sqrt(len(increments))
    grows = slope >= GROWTH_MIN and gain > GROWTH_Z * walk
    return slope if grows else 0.0


def theil_sen(times: Floats, values: Floats) -> float:
    """The median slope of all pairs of points (Sen, JASA 63 (1968))."""
    first, second = np.triu_indices(len(times), k=1)
    return float(np.median((values[second] - values[first]) / (times[second] - times[first])))


def decide(
    blocks: Sequence[Block], criteria: Sequence[Criterion], *, grew: bool = False, z: float = Z
) -> Decision:
    """
    The decision on one rate for all criteria, from blocks without settling.

    A backlog that `grew` in the last step fails whatever the share. A failure needs `z`
    standard deviations; `Z_SURE` if a mistake is costly.
    """
    if grew:
        return Decision.FAIL
    decisions = [
        _decide_share(measure_share(blocks, i), criterion, z)
        for i, criterion in enumerate(criteria)
    ]
    for verdict in (Decision.FAIL, Decision.UNCLEAR):
        if verdict in decisions:
            return verdict
    return Decision.PASS


def _decide_share(share: Share, criterion: Criterion, z: float) -> Decision:
    if criterion.error_budget == 0:
        if share.bad:
            return Decision.FAIL
        return Decision.PASS if share.total >= 30 else Decision.UNCLEAR
    deff = share.design_effect
    if wilson(share.bad / deff, share.total / deff, z)[0] > criterion.error_budget:
        return Decision.FAIL
    return Decision.PASS if share.high < criterion.error_budget else Decision.UNCLEAR
