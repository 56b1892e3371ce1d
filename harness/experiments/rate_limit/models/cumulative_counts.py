"""
Cumulative counts: they distinguish a fast, small bucket from random refusals.

A bucket of one at 400 per second fills in 2.5 ms. With an uncertainty of a millisecond a
single decision allows almost any rate, but a thousand decisions do not: simulated over the
request times, a bucket passes a certain number up to each moment. Random passes deviate
from it (after A. N. Kolmogorov, 1933) by about the square root of their number, even if the
rate is fitted to the total.
"""

from __future__ import annotations

import numpy as np

from harness.experiments.rate_limit.models.fit import Fit, Interval
from harness.experiments.rate_limit.observations import Bools, DecisionLog, Floats

VARIANT = "token-bucket"
_STEPS = 16
_DEVIATION_MIN, _DEVIATION_SHARE = 8.0, 0.45
"""Random passes deviate by less than this share of the root in one of eighty cases."""


def predicts_counts(fit: Fit, log: DecisionLog) -> bool:
    """Whether the number of passes follows the bucket at every moment."""
    if fit.variant != VARIANT or fit.rate_per_s is None:
        return False
    passed = np.cumsum(log.accepted)
    share = passed[-1] / len(log)
    deviation = float(np.sqrt(len(log) * share * (1 - share)))
    if deviation < _DEVIATION_MIN:
        return False
    predicted = np.cumsum(_agreeing(log, fit.rate_per_s, fit.burst.estimate))
    return bool(np.abs(predicted - passed).max() < _DEVIATION_SHARE * deviation)


def passes(at_s: Floats, rate_per_s: float, burst: float) -> Bools:
    """Which requests at these times an initially full bucket passes."""
    level, last_s, passed = burst, float(at_s[0]) if len(at_s) else 0.0, []
    for now_s in at_s.tolist():
        level = min(burst, level + rate_per_s * (now_s - last_s))
        last_s = now_s
        passed.append(level >= 1)
        level -= level >= 1
    return np.array(passed, dtype=np.bool_)


def _agreeing(log: DecisionLog, rate: Interval, burst: float) -> Bools:
    """Simulated passes at the allowed rate whose total agrees best."""
    low, high = rate.low, rate.high
    count = log.accepted.sum()
    best = passes(log.t_s, rate.estimate, burst)
    for _ in range(_STEPS):
        middle = float(np.sqrt(low * high))
        predicted = passes(log.t_s, middle, burst)
        low, high = (middle, high) if predicted.sum() < count else (low, middle)
        best = min(best, predicted, key=lambda passed: abs(passed.sum() - count))
    return best
