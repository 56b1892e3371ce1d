r"""
A token bucket that queues requests before it refuses any (nginx without ``nodelay``).

Its decisions are a bucket's, made when a request arrives; but an accepted request that
finds the level :math:`x` waits for its turn,

.. math:: h = \max(0,\; b - x - n) / r

where ``n`` pass immediately (nginx's ``delay=n``). From outside such a queue looks like a
concurrency limit, but the waits differ: a queue releases a request every ``1/r``, a
concurrency limit does not determine when requests end. The order within a burst is unknown,
so sorted predicted releases are compared with sorted responses.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.experiments.rate_limit.models.fit import Fit
from harness.experiments.rate_limit.models.token_bucket import fit_token_bucket, token_levels
from harness.experiments.rate_limit.observations import DecisionLog, Floats

VARIANT = "token-bucket-queueing"
AT_ONCE = "at_once"
"""Key of `Fit.extra`: number of requests that pass from rest without a wait."""
LONGEST_S = "longest_wait_s"
"""Key of `Fit.extra`: wait of the last place in the queue, seconds."""
_LEAST_SPREAD_S = 0.01
_LEAST_EXPLAINED = 0.7
"""Share of the response times' scatter that the waits must explain."""
_LEAST_STEADY = 0.75
_TURN = 0.25
"""Largest deviation of a response from its turn, as a share of a turn."""
_LEAST_ACCEPTED = 10


def may_queue(log: DecisionLog) -> bool:
    """Whether slow passes may have waited in a queue."""
    took = _took_s(log)
    if len(took) < _LEAST_ACCEPTED or not log.refusals:
        return False
    short, long = np.quantile(took, [0.1, 0.9])
    return bool(long - short > max(_LEAST_SPREAD_S, 2 * log.typical_uncertainty_s, 0.5 * short))


def fit_queueing_bucket(log: DecisionLog) -> Fit | None:
    """Fit it to a log built with ``held_back``; None if the waits do not follow the bucket."""
    fit = fit_token_bucket(log, variant=VARIANT)
    if fit is None or fit.rate_per_s is None:
        return None
    rate, burst = fit.rate_per_s.estimate, fit.burst.estimate
    arrived, answered = log.t_s[log.accepted], np.sort(log.received_s[log.accepted])
    behind = burst - token_levels(log, rate, burst)[log.accepted]
    tries = range(max(1, int(burst)))
    released = [np.sort(arrived + np.maximum(0.0, behind - free) / rate) for free in tries]
    left = [_scatter(answered - times) for times in released]
    free = int(np.argmin(left))
    if left[free] > (1 - _LEAST_EXPLAINED) * _scatter(answered - np.sort(arrived)):
        return None
    if _steady(np.diff(answered), np.diff(released[free]), log, rate) < _LEAST_STEADY:
        return None
    longest_s = (burst - 1 - free) / rate
    return replace(fit, parameters=3, extra={AT_ONCE: free + 1.0, LONGEST_S: longest_s})


def _steady(gaps_s: Floats, predicted_s: Floats, log: DecisionLog, rate: float) -> float:
    """Share of responses one turn after the last where the queue predicts that."""
    queued = np.abs(predicted_s * rate - 1) < _TURN
    if not queued.any():
        return 0.0
    near = np.abs(gaps_s - predicted_s) < _TURN / rate + 2 * log.typical_uncertainty_s
    return float(np.mean(near[queued]))


def _took_s(log: DecisionLog) -> Floats:
    return (log.received_s - log.sent_s)[log.accepted]


def _scatter(values: Floats) -> float:
    return float(np.mean(np.abs(values - np.median(values))))
