"""
How many a bucket lets through: what tells a fast, small one from a coin.

A bucket of one at 400 a second fills in 2.5 ms. With a doubt of a millisecond each decision
allows almost any rate, and its opposite as well; but a thousand of them do not: played over
the times of the requests, a bucket lets a certain number through up to every moment. What a
coin lets through strays from that (after A. N. Kolmogorov, 1933) by about the root of the
number of its tosses, even when the bucket's rate is set so that the sums agree.
"""

from __future__ import annotations

import numpy as np

from harness.experiments.rate_limit.models.fit import Fit, Interval
from harness.experiments.rate_limit.observations import Bools, DecisionLog, Floats

VARIANT = "token-bucket"
_STEPS = 16
_LEAST_TOSSED, _STRAYED = 8.0, 0.45
"""A coin strays by less than that share of the root in one of eighty cases."""


def predicts_counts(fit: Fit, log: DecisionLog) -> bool:
    """Whether how many passed follows the bucket at every moment, as no coin does."""
    if fit.variant != VARIANT or fit.rate_per_s is None:
        return False
    passed = np.cumsum(log.accepted)
    share = passed[-1] / len(log)
    tossed = float(np.sqrt(len(log) * share * (1 - share)))
    if tossed < _LEAST_TOSSED:
        return False
    foretold = np.cumsum(_agreeing(log, fit.rate_per_s, fit.burst.estimate))
    return bool(np.abs(foretold - passed).max() < _STRAYED * tossed)


def passes(at_s: Floats, rate_per_s: float, burst: float) -> Bools:
    """Which of the requests at these times a bucket that is full at first lets through."""
    level, last_s, passed = burst, float(at_s[0]) if len(at_s) else 0.0, []
    for now_s in at_s.tolist():
        level = min(burst, level + rate_per_s * (now_s - last_s))
        last_s = now_s
        passed.append(level >= 1)
        level -= level >= 1
    return np.array(passed, dtype=np.bool_)


def _agreeing(log: DecisionLog, rate: Interval, burst: float) -> Bools:
    """What passes under the rate, of those that the decisions allow, that agrees in the sum."""
    low, high = rate.low, rate.high
    count = log.accepted.sum()
    best = passes(log.t_s, rate.estimate, burst)
    for _ in range(_STEPS):
        middle = float(np.sqrt(low * high))
        foretold = passes(log.t_s, middle, burst)
        low, high = (middle, high) if foretold.sum() < count else (low, middle)
        best = min(best, foretold, key=lambda passed: abs(passed.sum() - count))
    return best
