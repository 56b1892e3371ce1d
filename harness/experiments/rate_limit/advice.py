"""
Client settings for the limit, and an experiment that verifies them.

The advice is a client-side token bucket (``rate``, ``burst``) that never exceeds the limit:
for a bucket slightly below its rate, for a window such that no window of any phase exceeds
its limit (``burst + rate W <= L``). Network delay bunches requests, so the burst keeps a margin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from harness.experiments.rate_limit.designs import Experiment, make_experiment, spaced_requests
from harness.experiments.rate_limit.models.fit import Fit
from harness.experiments.rate_limit.observations import Observation

_SAFETY_FACTOR = 0.97
PURPOSE = "check"
REFUSED_MAX = 0.001


class Advice(NamedTuple):
    """Client settings with fewer than 0.1 % of their requests refused."""

    rate_per_s: float | None  # Most requests per second; None for no limit
    burst: int  # Most requests sent concurrently
    concurrency: int | None  # Most requests in flight; None for no limit


class AdviceCheck(NamedTuple):
    """The result of the verification; ``holds`` is None with too few requests."""

    sent: int
    refused: int
    holds: bool | None


def advise(fit: Fit, *, uncertainty_s: float) -> Advice:
    """Settings for a client of this limiter; ``uncertainty_s`` is the variation of delay."""
    if fit.rate_per_s is None:
        return Advice(None, max(1, math.floor(fit.burst.low)), max(1, math.floor(fit.burst.low)))
    low = fit.rate_per_s.low
    if fit.window_s is not None:
        limit = max(1.0, fit.burst.low)
        burst = max(1, math.floor(limit / 4))
        steady = limit - burst if limit > burst else 1.0
        span_s = fit.window_s.high + 4 * uncertainty_s
        return Advice(_SAFETY_FACTOR * steady / span_s, burst, None)
    room = math.floor(fit.burst.low) - math.ceil(4 * low * uncertainty_s)
    if room >= 1:
        burst = min(room, max(1, math.floor(0.8 * fit.burst.low)))
        return Advice(_SAFETY_FACTOR * low, burst, None)
    # No margin for bunching: the gap between requests must exceed the variation of delay.
    return Advice(1 / (1 / (_SAFETY_FACTOR * low) + 8 * uncertainty_s), 1, None)


def verification_experiment(
    advice: Advice, operation: str, *, rest_s: float, most: int = 400, seconds: float = 20.0
) -> Experiment:
    """After ``rest_s`` of silence, the advised burst and then the advised rate."""
    burst = spaced_requests(operation, min(advice.burst, most), at_s=rest_s, purpose=PURPOSE)
    rate = advice.rate_per_s or 0.0
    count = min(max(0, most - len(burst)), math.floor(rate * seconds))
    steady = (
        spaced_requests(
            operation, count, at_s=rest_s + 1 / rate, spacing_s=1 / rate, purpose=PURPOSE
        )
        if count
        else []
    )
    why = "whether a client with the advised settings is refused"
    return make_experiment("check run", why, [*burst, *steady])


def evaluate_advice(observations: Sequence[Observation]) -> AdviceCheck:
    """Whether fewer than 0.1 % of the verification's requests were refused."""
    decided = [o.accepted for o in observations if o.purpose == PURPOSE and o.accepted is not None]
    refused = decided.count(False)
    if len(decided) < 5:
        return AdviceCheck(len(decided), refused, None)
    return AdviceCheck(len(decided), refused, refused / len(decided) < REFUSED_MAX)
