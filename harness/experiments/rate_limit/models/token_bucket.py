r"""
Token bucket (and its twins GCRA and nginx's ``limit_req … nodelay``).

A bucket holds up to ``b`` tokens and gains ``r`` a second; a request passes if it finds one.
By Lindley's recursion, inverted, request *i*, with ``k`` tokens taken before it at times
``a_0 … a_{k-1}``, finds the level

.. math:: x_i = b + \min(0,\; r t_i - k + \min_{j<k} (j - r a_j)) = b + g_i(r)

For a given rate, every decision bounds the burst alone: a pass means ``b >= 1 - g_i``, a
refusal ``b < 1 - g_i``. The estimator scans the rate and solves the bounds. The uncertainty
of a decision time widens its bound by ``r`` times as much, and by tokens that may have been
taken before rather than after a refusal. The estimate satisfies the most bounds; all values
that satisfy as many form the interval.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from harness.experiments.rate_limit.models.fit import Fit, Interval
from harness.experiments.rate_limit.observations import Bools, DecisionLog, Floats

_SLACK_TOKENS = 0.02
"""Arithmetic of real limiters (nginx: thousandths of a request, whole milliseconds)."""
_KEPT_BOUNDS = 160
"""Only the tightest bounds can be broken near the optimum."""
_NARROW = 1.003
_MOST_SPLITS = 200
_WIDEST_VALLEY = 1.2
_TRIES = 41
_FARTHEST, _SHARPNESS = 3.0, 0.05
_COST_SLACK = 4.5
"""
Broken bounds beyond the fewest that are still as good: half the square of three standard
deviations. Delays of successive requests correlate, and so do their errors.
"""


@dataclass(frozen=True, slots=True, eq=False)
class _Bounds:
    """Bounds on the burst at one rate: accepted say ``floor <=``, refused ``< ceiling``."""

    floor: Floats
    floor_scale: Floats
    ceiling: Floats
    ceiling_scale: Floats


def token_levels(log: DecisionLog, rate_per_s: float, burst: float) -> Floats:
    """Tokens that each decision finds, before it takes one; shape of the log."""
    return burst + _relative_level(
        log, rate_per_s, log.t_s, np.searchsorted(log.consumed_at_s, log.t_s)
    )


def fit_token_bucket(log: DecisionLog, *, variant: str = "token-bucket") -> Fit | None:
    """Fit rate and burst; None without a refusal or a pass. Refusals count if the log says so."""
    if not log.refusals or not log.accepted.any():
        return None
    rate = _best_rate(log)
    rates, bursts = _region(log, rate)
    burst = _snap(_best_burst(_bounds(log, rate))[1], bursts)
    estimate = _rate_under(log, burst, rates)
    low, high = min(bursts[0], burst), max(bursts[1], burst)
    return Fit(
        algorithm="token-bucket",
        variant=variant,
        parameters=2,
        rate_per_s=Interval(estimate, rates[0], rates[1]),
        burst=Interval(burst, low, high),
        window_s=None,
        contradicted=contradictions(log, estimate, burst),
        undecided=~contradictions(log.opposite(), estimate, burst),
    )


def contradictions(log: DecisionLog, rate_per_s: float, burst: float) -> Bools:
    """Which decisions this bucket forbids at every possible decision time."""
    bounds = _bounds(log, rate_per_s)
    broken = np.zeros(len(log), dtype=np.bool_)
    broken[log.accepted] = bounds.floor - burst > bounds.floor_scale
    broken[~log.accepted] = burst - bounds.ceiling > bounds.ceiling_scale
    return broken


def _relative_level(
    log: DecisionLog, rate: float, t_s: Floats, taken: np.ndarray, *, blur: int = 0
) -> Floats:
    """``x - b``: zero for a full bucket, negative below; takers moved by ``blur`` half-widths."""
    if not len(log.consumed_at_s):
        return np.zeros(len(t_s))
    at_s = log.consumed_at_s + blur * log.blur_s
    lowest = np.minimum.accumulate(np.arange(len(at_s)) - rate * at_s)
    below = rate * t_s - taken + lowest[np.maximum(taken - 1, 0)]
    return np.where(taken > 0, np.minimum(0.0, below), 0.0)


def _bounds(log: DecisionLog, low: float, high: float | None = None) -> _Bounds:
    """
    The bounds at one rate; with two, the loosest of the rates between them.

    Levels only grow with the rate, so these are the floors of the higher and the ceilings of
    the lower rate: a decision that breaks them breaks those of every rate.
    """
    floor, floor_scale = _floors(log, low if high is None else high)
    ceiling, ceiling_scale = _ceilings(log, low)
    return _Bounds(floor, floor_scale, ceiling, ceiling_scale)


def _floors(log: DecisionLog, rate: float) -> tuple[Floats, Floats]:
    t_s, uncertainty = log.t_s[log.accepted], log.uncertainty_s[log.accepted]
    before = np.searchsorted(log.consumed_at_s, t_s)
    late = _relative_level(log, rate, t_s + uncertainty, before)
    surely = np.searchsorted(np.sort(log.consumed_at_s + log.blur_s), t_s)
    latest = t_s + 2 * uncertainty + log.typical_uncertainty_s
    later = _relative_level(log, rate, latest, np.minimum(before, surely), blur=-1)
    return 1 - late, _SLACK_TOKENS + np.maximum(0.0, later - late)


def _ceilings(log: DecisionLog, rate: float) -> tuple[Floats, Floats]:
    t_s, uncertainty = log.t_s[~log.accepted], log.uncertainty_s[~log.accepted]
    before = np.searchsorted(log.consumed_at_s, t_s)
    level = _relative_level(log, rate, t_s, before)
    # The true order of a refusal and the requests just after it is uncertain.
    reach = (
        np.searchsorted(log.consumed_at_s, t_s + 2 * uncertainty, side="right") - log.counts_itself
    )
    after = np.minimum(level, _relative_level(log, rate, t_s, reach))
    earliest = np.sort(log.consumed_at_s - log.blur_s)
    perhaps = np.searchsorted(earliest, t_s, side="right") - log.counts_itself
    perhaps = np.maximum(before, np.minimum(perhaps, len(earliest)))
    early = _relative_level(
        log, rate, t_s - uncertainty - log.typical_uncertainty_s, perhaps, blur=1
    )
    ceiling, scale = 1 - _SLACK_TOKENS - after, _SLACK_TOKENS + np.maximum(0.0, level - early)
    # A bucket that is certainly full holds a token whatever its size, so rounding does not
    # explain its refusal. Otherwise one token with an immediate refill explains all refusals.
    full = (after >= 0) & (early >= 0)
    return np.where(full, 1 - 3 * _SLACK_TOKENS, ceiling), scale


def _best_burst(bounds: _Bounds) -> tuple[float, float, float, float]:
    """(cost, centre, low, high) of the bursts that break the fewest bounds."""
    top = np.argsort(bounds.floor)[-_KEPT_BOUNDS:]
    bottom = np.argsort(bounds.ceiling)[:_KEPT_BOUNDS]
    tight = _Bounds(
        bounds.floor[top],
        bounds.floor_scale[top],
        bounds.ceiling[bottom],
        bounds.ceiling_scale[bottom],
    )
    tries = np.unique(np.maximum(1.0, np.concatenate([tight.floor, tight.ceiling])))
    cost = _graded(tight, tries)
    best = float(cost.min())
    good = tries[cost <= best + _COST_SLACK]
    flat = tries[cost <= best + 1e-9]
    return best, float(flat[0] + flat[-1]) / 2, float(good[0]), float(good[-1])


def _graded(bounds: _Bounds, bursts: Floats) -> Floats:
    """Cost of each burst: a bound broken within its uncertainty counts in part."""
    above = (bounds.floor - bursts[:, None]) / bounds.floor_scale
    below = (bursts[:, None] - bounds.ceiling) / bounds.ceiling_scale
    cost: Floats = np.clip(above, 0, 1).sum(axis=1) + np.clip(below, 0, 1).sum(axis=1)
    return cost


def _rate_under(log: DecisionLog, burst: float, rates: tuple[float, float]) -> float:
    """The best rate in this range for this burst; the middle of equals."""
    tries = np.geomspace(*rates, _TRIES)
    cost = np.array([_graded(_bounds(log, r), np.array([burst]))[0] for r in tries])
    good = tries[cost <= cost.min() + 1e-9]
    return float(np.sqrt(good[0] * good[-1]))


def _cost(log: DecisionLog, rate: float) -> float:
    return _best_burst(_bounds(log, rate))[0]


def _broken(log: DecisionLog, low: float, high: float) -> int:
    """The fewest bounds that any burst breaks at any rate of a span."""
    bounds = _bounds(log, low, high)
    floors = np.sort(bounds.floor - bounds.floor_scale)
    ceilings = np.sort(bounds.ceiling + bounds.ceiling_scale)
    tries = np.maximum(1.0, np.concatenate([floors, ceilings]))
    above = len(floors) - np.searchsorted(floors, tries, side="right")
    below = np.searchsorted(ceilings, tries, side="left")
    return int((above + below).min())


def _best_rate(log: DecisionLog) -> float:
    """
    The lowest rate that breaks the fewest bounds, by branch and bound over spans of rates.

    The span with the smallest lower bound, of equals the lowest, is split until it is narrow.
    The lowest, because at rates that refill many tokens within the uncertainty no bound is
    broken either. Then the graded cost finds the bottom of the valley.
    """
    span_s = max(float(log.t_s[-1] - log.t_s[0]), 1e-3)
    edges = np.geomspace(0.3 / span_s, 5000.0, 40)
    heap = [(_broken(log, *span), *span) for span in pairwise(edges.tolist())]
    heapq.heapify(heap)
    for _ in range(_MOST_SPLITS):
        fewest, low, high = heapq.heappop(heap)
        if high / low < _NARROW:
            break
        for part in pairwise(np.geomspace(low, high, 4).tolist()):
            heapq.heappush(heap, (_broken(log, *part), *part))
    while high < _WIDEST_VALLEY * low and _broken(log, high, high) <= fewest:
        high *= 1.01
    return _descend(log, low / 1.01, high * 1.01)[1]


def _descend(log: DecisionLog, low: float, high: float) -> tuple[float, float]:
    """(cost, rate) at the bottom of the valley that lies between the two."""
    for _ in range(3):
        grid = np.geomspace(low, high, 15)
        cost = np.array([_cost(log, r) for r in grid])
        first = last = int(np.argmin(cost))
        while last + 1 < len(grid) and cost[last + 1] <= cost[first] + 1e-9:
            last += 1
        low, high = float(grid[max(first - 1, 0)]), float(grid[min(last + 1, len(grid) - 1)])
    return float(cost[first]), float(np.sqrt(grid[first] * grid[last]))


def _region(log: DecisionLog, rate: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """The rates, and the bursts at those rates, that are as good as the best."""
    limit = _cost(log, rate) + _COST_SLACK
    bursts: list[float] = []

    def is_good(step: float) -> bool:
        cost, _, low, high = _best_burst(_bounds(log, rate * float(np.exp(step))))
        if cost <= limit:
            bursts.extend((low, high))
        return cost <= limit

    is_good(0.0)
    ends = [rate * float(np.exp(sign * _reach(is_good, sign))) for sign in (-1, 1)]
    return (ends[0], ends[1]), (min(bursts), max(bursts))


def _reach(is_good: Callable[[float], bool], sign: int) -> float:
    """The first step in a direction that is no longer as good."""
    good, bad = 0.0, _FARTHEST
    for step in np.geomspace(2e-4, _FARTHEST, 24):
        if not is_good(sign * float(step)):
            bad = float(step)
            break
        good = float(step)
    while bad - good > _SHARPNESS * bad:
        middle = (good + bad) / 2
        good, bad = (middle, bad) if is_good(sign * middle) else (good, middle)
    return bad


def _snap(burst: float, region: tuple[float, float]) -> float:
    """The nearest whole number if the region contains it, else the burst."""
    whole = float(max(1, round(burst)))
    return whole if region[0] - 0.5 <= whole <= region[1] + 0.5 else burst
