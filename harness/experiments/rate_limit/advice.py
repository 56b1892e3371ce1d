"""
What a client should do about the limit, and a run that shows it.

The client is advised to hold itself to a bucket of its own (``rate``, ``burst``) that
can never meet the limiter's end: of a bucket a little less than its rate, of a window
so much that no window, wherever it begins, sees more than its limit:
``burst + rate W <= L``. Delay on the way bunches requests, so the burst leaves room
for what arrives within it.
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
    """
    Client settings that would see fewer than 0.1 % of their requests refused.

    Attributes:
        rate_per_s: Requests a second to hold to; None: no limit on the rate.
        burst: Requests that may go out at once.
        concurrency: Most at work at once; None: no limit on it.
    """

    rate_per_s: float | None
    burst: int
    concurrency: int | None


class AdviceCheck(NamedTuple):
    """What the check run saw; ``holds`` is None when it saw too little to say."""

    sent: int
    refused: int
    holds: bool | None


def advise(fit: Fit, *, uncertainty_s: float) -> Advice:
    """Settings for a client of this limiter; ``doubt_s`` is how much delay varies."""
    if fit.rate_per_s is None:
        return Advice(None, max(1, math.floor(fit.burst.low)), max(1, math.floor(fit.burst.low)))
    low = fit.rate_per_s.low
    if fit.window_s is not None:
        limit = max(1.0, fit.burst.low)
        burst = max(1, math.floor(limit / 4))
        span_s = fit.window_s.high + 4 * uncertainty_s
        rate = (
            _SAFETY_FACTOR * (limit - burst) / span_s if limit > burst else _SAFETY_FACTOR / span_s
        )
        return Advice(rate, burst, None)
    room = math.floor(fit.burst.low) - math.ceil(4 * low * uncertainty_s)
    if room >= 1:
        return Advice(
            _SAFETY_FACTOR * low, min(room, max(1, math.floor(0.8 * fit.burst.low))), None
        )
    # No room for bunching: the gap between two requests must outlast the delay's swing.
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
    why = "whether a client with the advised settings is ever refused"
    return make_experiment("check run", why, [*burst, *steady])


def evaluate_advice(observations: Sequence[Observation]) -> AdviceCheck:
    """Whether fewer than 0.1 % of the check run's requests were refused."""
    decided = [o.accepted for o in observations if o.purpose == PURPOSE and o.accepted is not None]
    refused = decided.count(False)
    if len(decided) < 5:
        return AdviceCheck(len(decided), refused, None)
    return AdviceCheck(len(decided), refused, refused / len(decided) < REFUSED_MAX)
