r"""
A token bucket that holds requests back before it refuses any (nginx without ``nodelay``).

Its decisions are a bucket's, made when a request arrives; but an accepted request that
finds the level :math:`x` waits for its turn,

.. math:: h = \max(0,\; b - x - n) / r

where ``n`` pass at once (nginx's ``delay=n``). From outside such a queue looks like a limit
on what is at work: while it is full, that many are. The waits tell the two apart: a queue
lets one go every ``1/r`` however many are in it, a limit on what is at work has nothing to
say about when they end. Who of a burst came first nobody knows, so the foretold releases
and the answers are compared in their order, not request by request.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.experiments.rate_limit.models.fit import Fit
from harness.experiments.rate_limit.models.token_bucket import fit_token_bucket, token_levels
from harness.experiments.rate_limit.observations import DecisionLog, Floats

VARIANT = "token-bucket-queueing"
AT_ONCE = "at_once"
"""Key of `Fit.extra`: how many pass from rest without being held back."""
LONGEST_S = "longest_wait_s"
"""Key of `Fit.extra`: how long the last place in the queue waits, seconds."""
_LEAST_SPREAD_S = 0.01
_LEAST_TOLD = 0.7
"""Share of the answer times' scatter that the waits must take away."""
_LEAST_STEADY = 0.75
_TURN = 0.25
"""How far from its turn, as a share of a turn, an answer still counts as in turn."""
_LEAST_ACCEPTED = 10


def may_queue(log: DecisionLog) -> bool:
    """Whether some passes took so much longer than others that they may have waited."""
    took = _took_s(log)
    if len(took) < _LEAST_ACCEPTED or not log.refusals:
        return False
    short, long = np.quantile(took, [0.1, 0.9])
    return bool(long - short > max(_LEAST_SPREAD_S, 2 * log.typical_uncertainty_s, 0.5 * short))


def fit_queueing_bucket(log: DecisionLog) -> Fit | None:
    """
    Fit it; None when the waits do not follow the bucket.

    Args:
        log: Read with ``held_back``: decisions near the sending.
    """
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
    if left[free] > (1 - _LEAST_TOLD) * _scatter(answered - np.sort(arrived)):
        return None
    if _steady(np.diff(answered), np.diff(released[free]), log, rate) < _LEAST_STEADY:
        return None
    longest_s = (burst - 1 - free) / rate
    return replace(fit, parameters=3, extra={AT_ONCE: free + 1.0, LONGEST_S: longest_s})


def _steady(gaps_s: Floats, foretold_s: Floats, log: DecisionLog, rate: float) -> float:
    """Share of the answers that follow the last by one turn where the queue says so."""
    queued = np.abs(foretold_s * rate - 1) < _TURN
    if not queued.any():
        return 0.0
    near = np.abs(gaps_s - foretold_s) < _TURN / rate + 2 * log.typical_uncertainty_s
    return float(np.mean(near[queued]))


def _took_s(log: DecisionLog) -> Floats:
    return (log.received_s - log.sent_s)[log.accepted]


def _scatter(values: Floats) -> float:
    return float(np.mean(np.abs(values - np.median(values))))
