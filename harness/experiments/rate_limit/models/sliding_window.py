r"""
Sliding windows: the exact log, and the two-counter approximation.

*Log.* A request passes if fewer than ``L`` passed in the ``W`` behind it. So, with
``k`` takers before request *i* at times ``a``, and for a given ``L``, every decision
is one bound on the length alone: accepted says :math:`W \le t_i - a_{k-L}`, refused
says :math:`W > t_i - a_{k-L}`. The estimator tries each possible limit and solves
the bounds exactly.

*Counter* (Cloudflare's, and most Redis limiters'). The count of the previous
aligned window, weighted by what is left of it, stands in for its log:
:math:`n_{prev} (1 - f) + n_{cur} < L`. Length, phase and limit are scanned; the limit
follows from the counts.
"""

from __future__ import annotations

import numpy as np

from harness.experiments.rate_limit.models.bounds import (
    best_limit,
    broken_by,
    fewest_broken,
    recoveries,
)
from harness.experiments.rate_limit.models.fit import Fit, Interval
from harness.experiments.rate_limit.observations import Bools, Floats, Log

LEAST_LENGTH_S = 0.2
"""Shorter ones drown in the doubt of the decisions: any pattern would fit."""
_COARSE_ROWS = 160
_NO_BOUND = 1e9
_PHASES = 32
_DRIFT_WINDOWS = 4


def fit_sliding_log(log: Log, *, variant: str = "sliding-window-log") -> Fit | None:
    """Fit length and limit; None without a refusal and an acceptance after it."""
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
        rate_per_s=Interval(limit / window.estimate, burst.low / high, burst.high / low),
        burst=burst,
        window_s=window,
        contradicted=_log_broken(log, limit, window.estimate),
        undecided=~_log_broken(log.opposite(), limit, window.estimate),
    )


def fit_sliding_counter(log: Log, *, rate_hint_per_s: float) -> Fit | None:
    """
    Fit length, phase and limit of the two-counter window.

    Args:
        log: The decisions.
        rate_hint_per_s: About the sustained rate (a bucket's fit knows it); the
            length is looked for near first burst / rate.
    """
    if not log.refusals or not log.accepted.any():
        return None
    best = _first_scan(log, rate_hint_per_s)
    if best is None:
        return None
    every = np.arange(len(log))
    width, turn = 0.006, 1 / _PHASES
    for _ in range(4):
        near = best[1] * np.linspace(1 - width, 1 + width, 17)
        best = _scan(log, near, best[2] + np.linspace(-turn, turn, 13), every)
        width, turn = width / 3, turn / 3
    broken, window_s, phase = best
    window = _counter_lengths(log, window_s, phase, broken)
    floors, ceilings = _counter_bounds(log, window_s, phase * window_s, every)
    other = log.opposite()
    tries = np.unique(np.concatenate([floors, ceilings[ceilings < _NO_BOUND]]))
    _, low, high = fewest_broken(floors, ceilings, tries)
    limit = Interval(float(max(1, round((low + high) / 2))), np.floor(low), np.ceil(high))
    return Fit(
        algorithm="sliding-window",
        variant="sliding-window-counter",
        parameters=3,
        rate_per_s=Interval(
            limit.estimate / window.estimate, limit.low / window.high, limit.high / window.low
        ),
        burst=limit,
        window_s=window,
        contradicted=broken_by(log, floors, ceilings, (low + high) / 2),
        undecided=~broken_by(
            other, *_counter_bounds(other, window_s, phase * window_s, every), (low + high) / 2
        ),
        phase_s=phase * window_s,
    )


def _first_burst(log: Log) -> tuple[int, int]:
    """Least and most takers that the first drain may have held: order is blurred."""
    first = float(log.t_s[int(np.argmax(~log.accepted))])
    took = log.t_s[log.accepted]
    blur = 0.03 + 4 * log.typical_doubt_s
    least, most = np.searchsorted(took, [first, first + blur])
    return max(1, int(least)), max(1, int(most))


def _possible_limits(log: Log) -> list[int]:
    least, most = _first_burst(log)
    low, high = max(1, least - 3), most + 3
    return [
        int(n) for n in np.unique(np.linspace(low, high, min(high - low + 1, 48)).astype(int))
    ]


def _length_bounds(log: Log, limit: int) -> tuple[Floats, Floats]:
    """(lengths that refusals demand at least, lengths that acceptances allow at most)."""
    takes, margin = log.takes_s, log.doubt_s + log.typical_doubt_s
    yes, no = log.accepted, ~log.accepted
    before = np.searchsorted(takes, log.t_s[yes]) - limit
    free = before < 0
    most = log.t_s[yes] - takes[np.maximum(before, 0)] + margin[yes]
    ceilings = np.where(free, np.inf, most)
    upto = np.searchsorted(takes, (log.t_s + 3 * log.doubt_s)[no], side="right") - limit
    upto -= log.own_take
    least = log.t_s[no] - takes[np.clip(upto, 0, len(takes) - 1)] - margin[no]
    floors = np.where(upto < 0, np.inf, np.maximum(least, 0.0))
    return floors, ceilings


def _log_broken(log: Log, limit: int, window_s: float) -> Bools:
    floors, ceilings = _length_bounds(log, limit)
    broken = np.zeros(len(log), dtype=np.bool_)
    broken[~log.accepted] = floors > window_s
    broken[log.accepted] = ceilings < window_s
    return broken


def _solve_length(log: Log, limit: int) -> tuple[int, float, float]:
    """(broken bounds, shortest, longest) of the lengths that break the fewest."""
    floors, ceilings = _length_bounds(log, limit)
    edges = np.unique(np.concatenate([floors, ceilings]))
    edges = edges[np.isfinite(edges) & (edges >= LEAST_LENGTH_S)]
    if not len(edges):
        return len(log), 0.0, 0.0
    return fewest_broken(floors, ceilings, edges)


def _counter_bounds(
    log: Log, window_s: float, phase_s: float, rows: np.ndarray
) -> tuple[Floats, Floats]:
    """Bounds on the weighted count: acceptances above theirs, refusals at most at theirs."""
    takes, t_s = log.takes_s, log.t_s[rows]
    at = (t_s - phase_s) / window_s
    start = phase_s + np.floor(at) * window_s
    left = 1 - (at - np.floor(at))
    begun = np.searchsorted(takes, start)
    previous = begun - np.searchsorted(takes, start - window_s)
    yes = log.accepted[rows]
    margin = (log.doubt_s[rows] + log.typical_doubt_s) / window_s
    slack = previous * margin + 0.05
    count = previous * left + np.searchsorted(takes, t_s) - begun + 1
    reach = np.searchsorted(takes, t_s + 2 * log.doubt_s[rows], side="right") - begun
    reach -= log.own_take
    floors = count[yes] - slack[yes]
    ceilings = (previous * left + reach + slack)[~yes] + 1
    edge = np.minimum(left, 1 - left)[~yes] < np.minimum(margin[~yes], 0.02)
    ceilings[edge] = _NO_BOUND
    return np.maximum(floors, 0.0), ceilings


def _first_scan(log: Log, rate_hint_per_s: float) -> tuple[int, float, float] | None:
    """
    Where to look closer: lengths in steps of 1 %, judged by their first windows.

    A length that is 0.6 % off has drifted by little more than 2 % of a window after four
    of them: the blur forgives it, and the true phase's neighbourhood stands out.
    """
    first = float(log.t_s[int(np.argmax(~log.accepted))])
    hint_s = max(_first_burst(log)) / rate_hint_per_s
    lengths = [float(w) for w in np.exp(np.arange(np.log(0.3), np.log(15.0), 0.012))]
    lengths += [hint_s * f for f in (0.97, 0.98, 0.99, 1.0, 1.01, 1.02) if 0.3 < hint_s < 15]
    found = []
    for window_s in lengths:
        rows = np.flatnonzero(log.t_s < first + _DRIFT_WINDOWS * window_s)
        if not log.accepted[rows].any() or log.t_s[-1] < first + window_s:
            continue
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, _COARSE_ROWS).astype(int))]
        broken, _, phase = _scan(log, np.array([window_s]), np.arange(_PHASES) / _PHASES, rows)
        found.append((broken / len(rows), window_s, phase))
    every, tries = np.arange(len(log)), sorted(found)[:10]
    shifts = np.linspace(-0.5, 0.5, 5) / _PHASES
    finer = [
        _scan(log, w * np.linspace(0.985, 1.015, 19), p + shifts, every) for _, w, p in tries
    ]
    return min(finer, default=None)


def _scan(
    log: Log, lengths: Floats, phases: Floats, rows: np.ndarray
) -> tuple[int, float, float]:
    """(broken bounds, length, phase as a share of the length) at the best of the grid."""
    found: list[tuple[int, float, float]] = []
    for window_s in lengths:
        for phase in phases:
            floors, ceilings = _counter_bounds(log, window_s, phase * window_s, rows)
            found.append((best_limit(floors, ceilings)[0], float(window_s), float(phase)))
    fewest = min(found)[0]
    good = [f for f in found if f[0] == fewest]
    return good[len(good) // 2]


def _counter_lengths(log: Log, window_s: float, phase: float, broken: int) -> Interval:
    """The lengths round the best that break as few, the phase moving along."""
    every = np.arange(len(log))
    ends = []
    for sign in (-1, 1):
        end = window_s
        for step in np.geomspace(2e-4, 0.1, 14):
            length = window_s * (1 + sign * step)
            turns = phase * window_s / length + np.linspace(-0.04, 0.04, 9)
            if _scan(log, np.array([length]), turns, every)[0] > broken + 1:
                break
            end = length
        ends.append(float(end))
    return Interval(window_s, ends[0], ends[1])
