"""
Integer limits from one-sided bounds.

Under a window model every pass means "the limit is above this count" and every refusal "the
limit is at most that count". The best limit breaks the fewest bounds; equally good limits
form the interval.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from harness.experiments.rate_limit.models.fit import Interval
from harness.experiments.rate_limit.observations import Bools, DecisionLog, Floats


def fewest_broken(floors: Floats, ceilings: Floats, tries: Floats) -> tuple[int, float, float]:
    """
    (broken bounds, lowest, highest) of the ``tries`` that break the fewest.

    ``floors`` demand ``try >= floor``, ``ceilings`` demand ``try <= ceiling``.
    """
    above = len(floors) - np.searchsorted(np.sort(floors), tries, side="right")
    below = np.searchsorted(np.sort(ceilings), tries, side="left")
    broken = above + below
    good = tries[broken == broken.min()]
    return int(broken.min()), float(good.min()), float(good.max())


def best_limit(floors: Floats, ceilings: Floats) -> tuple[int, Interval]:
    """The number of broken bounds, and the integer limit that breaks the fewest."""
    finite = ceilings[ceilings < 1e8]
    tries = np.unique(np.maximum(1.0, np.concatenate([floors, finite, [1.0]])))
    broken, low, high = fewest_broken(floors, finite, tries)
    return broken, Interval(float(round((low + high) / 2)), low, high)


def broken_by(log: DecisionLog, floors: Floats, ceilings: Floats, limit: float) -> Bools:
    """Decisions that break their bound; floors in order of passes, ceilings of refusals."""
    broken = np.zeros(len(log), dtype=np.bool_)
    broken[log.accepted] = floors > limit
    broken[~log.accepted] = ceilings < limit
    return broken


def recoveries(log: DecisionLog) -> tuple[Floats, Floats]:
    """Spans from the last certain refusal to the next pass, in which the limiter recovered."""
    yes = np.flatnonzero(log.accepted)
    lows, highs = [], []
    for before, after in pairwise(yes.tolist()):
        if after - before < 2:
            continue
        between = np.arange(before + 1, after)
        t_s, uncertainty = log.t_s[between], log.uncertainty_s[between]
        sure = (t_s - uncertainty > log.t_s[before] + log.uncertainty_s[before]) & (
            t_s + uncertainty < log.t_s[after] - log.uncertainty_s[after]
        )
        if sure.any():
            last = between[sure][-1]
            lows.append(log.t_s[last] - log.uncertainty_s[last])
            highs.append(log.t_s[after] + log.uncertainty_s[after])
    return np.array(lows), np.array(highs)
