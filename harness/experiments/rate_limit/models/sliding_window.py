r"""
Sliding window with a log of times; its two-counter approximation is in `clock_windows`.

A request passes if fewer than ``L`` requests counted in the last ``W`` seconds. With ``k``
counted requests before request *i*, at times ``a``, and a given ``L``, every decision bounds
the length alone: a pass means :math:`W \le t_i - a_{k-L}`, a refusal
:math:`W > t_i - a_{k-L}`. The estimator tries each possible limit and solves the bounds.
"""

from __future__ import annotations

import numpy as np

from harness.experiments.rate_limit.models.fit import Fit, Interval
from harness.experiments.rate_limit.models.limit_bounds import fewest_broken, recoveries
from harness.experiments.rate_limit.observations import Bools, DecisionLog, Floats

LEAST_LENGTH_S = 0.2
"""Shorter windows fit any pattern within the uncertainty of the decisions."""


def fit_sliding_log(log: DecisionLog, *, variant: str = "sliding-window-log") -> Fit | None:
    """Fit length and limit; None without a recovery."""
    if not len(recoveries(log)[0]):
        return None
    tries = [(_solve_length(log, limit), limit) for limit in _possible_limits(log)]
    broken = min(solved[0] for solved, _ in tries)
    good = [(solved, limit) for solved, limit in tries if solved[0] == broken]
    (_, low, high), limit = good[len(good) // 2]
    window = Interval((low + high) / 2, low, high)
    if window.estimate <= 0:
        return None
    burst = Interval(float(limit), float(good[0][1]), float(good[-1][1]))
    return Fit(
        algorithm="sliding-window",
        variant=variant,
        parameters=2,
        rate_per_s=burst / window,
        burst=burst,
        window_s=window,
        contradicted=_log_broken(log, limit, window.estimate),
        undecided=~_log_broken(log.opposite(), limit, window.estimate),
    )


def _first_burst(log: DecisionLog) -> tuple[int, int]:
    """Least and largest number of passes in the first drain; their order is uncertain."""
    first = float(log.t_s[int(np.argmax(~log.accepted))])
    took = log.t_s[log.accepted]
    blur = 0.03 + 4 * log.typical_uncertainty_s
    least, most = np.searchsorted(took, [first, first + blur])
    return max(1, int(least)), max(1, int(most))


def _possible_limits(log: DecisionLog) -> list[int]:
    least, most = _first_burst(log)
    low, high = max(1, least - 3), most + 3
    return [int(n) for n in np.unique(np.linspace(low, high, min(high - low + 1, 48)).astype(int))]


def _length_bounds(log: DecisionLog, limit: int) -> tuple[Floats, Floats]:
    """(lengths that refusals demand at least, lengths that acceptances allow at most)."""
    consumed_at, margin = log.consumed_at_s, log.uncertainty_s + log.typical_uncertainty_s
    yes, no = log.accepted, ~log.accepted
    surely = log.t_s - 2 * log.uncertainty_s if log.counts_refusals else log.t_s
    before = np.searchsorted(consumed_at, surely[yes]) - limit
    free = before < 0
    oldest = np.maximum(before, 0)
    most = log.t_s[yes] - consumed_at[oldest] + margin[yes] + log.blur_s[oldest]
    ceilings = np.where(free, np.inf, most)
    upto = np.searchsorted(consumed_at, (log.t_s + 3 * log.uncertainty_s)[no], side="right") - limit
    upto -= log.counts_itself
    oldest = np.clip(upto, 0, len(consumed_at) - 1)
    least = log.t_s[no] - consumed_at[oldest] - margin[no] - log.blur_s[oldest]
    floors = np.where(upto < 0, np.inf, np.maximum(least, 0.0))
    return floors, ceilings


def _log_broken(log: DecisionLog, limit: int, window_s: float) -> Bools:
    floors, ceilings = _length_bounds(log, limit)
    broken = np.zeros(len(log), dtype=np.bool_)
    broken[~log.accepted] = floors > window_s
    broken[log.accepted] = ceilings < window_s
    return broken


def _solve_length(log: DecisionLog, limit: int) -> tuple[int, float, float]:
    """(broken bounds, shortest, longest) of the lengths that break the fewest."""
    floors, ceilings = _length_bounds(log, limit)
    edges = np.unique(np.concatenate([floors, ceilings]))
    edges = edges[np.isfinite(edges) & (edges >= LEAST_LENGTH_S)]
    if not len(edges):
        return len(log), 0.0, 0.0
    return fewest_broken(floors, ceilings, edges)
