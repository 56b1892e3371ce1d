"""
Drift over a long load: does a figure rise, how fast, and did it jump?

**Slope**: Theil-Sen, the median slope of all pairs of points, with its interval from
Kendall's tau: a third of the points may be wild and it does not move. Source: Sen, JASA 63
(1968); `scipy.stats.theilslopes`.

**Step**: PELT on the logs, scaled by the noise between neighbours, with a penalty far above
what noise earns. Source: Killick, Fearnhead and Eckley, JASA 107 (2012); `ruptures`.

A rise counts when its interval excludes none *and* it is as large as `RISE_MIN` over the
whole load: with enough points the smallest slope is significant, and nobody's trouble.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import ruptures
from scipy import stats

Floats = npt.NDArray[np.float64]

POINTS_MIN = 20
CONFIDENCE = 0.99
RISE_MIN = 0.08
"""Least rise over the load, as a fraction of the level at its start, that counts."""
_PENALTY = 8.0
_SEGMENT_MIN = 5


@dataclass(frozen=True, slots=True)
class Drift:
    """
    How a figure changed from the first point to the last.

    Attributes:
        rise: Change over the whole load, as a fraction of the level at its start.
        low, high: The slope's 99 % interval, in the same measure; the level at the start
            is taken as known.
        step_at: Number of the point at which it jumped; None when it did not.
        step: The jump, as a fraction of the level before; 0 without one.
    """

    rise: float
    low: float
    high: float
    step_at: int | None
    step: float

    @property
    def rises(self) -> bool:
        """Whether it clearly rises by more than nobody's trouble."""
        return self.low > 0 and self.rise >= RISE_MIN


def find_drift(values: npt.ArrayLike) -> Drift | None:
    """
    Find the drift of a figure seen at even times.

    Args:
        values: Positive figures, such as the p99 of each of 60 stretches of the load.

    Returns:
        None when there are fewer than `POINTS_MIN` positive ones: too few to tell.
    """
    y = np.asarray(values, dtype=float)
    y = y[np.isfinite(y) & (y > 0)]
    if len(y) < POINTS_MIN:
        return None
    found = stats.theilslopes(y, np.arange(len(y)), alpha=CONFIDENCE)
    start = max(float(found.intercept), float(np.min(y)))
    whole = (len(y) - 1) / start
    at, step = _find_step(np.log(y))
    return Drift(
        rise=float(found.slope) * whole,
        low=float(found.low_slope) * whole,
        high=float(found.high_slope) * whole,
        step_at=at,
        step=step,
    )


def _find_step(logs: Floats) -> tuple[int | None, float]:
    """The greatest jump between segments, and where; (None, 0) when there is none."""
    noise = float(np.median(np.abs(np.diff(logs)))) / (0.6745 * np.sqrt(2))
    if noise == 0:
        return None, 0.0
    search = ruptures.Pelt(model="l2", min_size=_SEGMENT_MIN, jump=1).fit(logs / noise)
    ends = [0, *search.predict(pen=_PENALTY * np.log(len(logs)))]
    levels = [float(np.median(logs[a:b])) for a, b in pairwise(ends)]
    jumps = np.expm1(np.diff(levels))
    if not len(jumps) or np.abs(jumps).max() < RISE_MIN:
        return None, 0.0
    greatest = int(np.abs(jumps).argmax())
    return int(ends[greatest + 1]), float(jumps[greatest])
