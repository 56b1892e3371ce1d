"""
Drift over a long load: does a figure rise, how fast, and did it jump?

**Slope**: Theil-Sen, the median slope of all pairs of points, with an interval from Kendall's tau;
a third of the points may be outliers. Source: Sen, JASA 63 (1968).

Neighbouring minutes correlate, so the points count as fewer. Tau's variance is multiplied by
``(1 + rho) / (1 - rho)``, with the correlation rho of neighbours about the line. Sources: Yue and
Wang, Water Resources Management 18 (2004), for the effective sample size of a Mann-Kendall test;
Marriott and Pope, Biometrika 41 (1954), for the bias of rho.

**Step**: PELT on the logs, scaled by the noise between neighbours and its correlation, with a
penalty far above noise. Source: Killick, Fearnhead and Eckley, JASA 107 (2012); `ruptures`.

A rise counts when its interval excludes zero *and* it reaches `RISE_MIN` over the load: with
enough points the smallest slope is significant.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

POINTS_MIN = 20
CONFIDENCE = 0.99
"""Of the slope's interval: a soak tests three figures, so a flat one rarely alarms."""
RISE_MIN = 0.08
"""Least rise over the load, as a fraction of the level at its start, that counts."""
_PENALTY = 8.0
_SEGMENT_MIN = 5
_CORRELATION_MAX = 0.9


@dataclass(frozen=True, slots=True)
class Drift:
    """
    How a figure changed from the first point to the last.

    Attributes:
        rise: Change over the load, as a fraction of the level at its start.
        low, high: The slope's 99 % interval, in the same unit; the start level counts as known.
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
        """Whether it rises significantly and by at least `RISE_MIN`."""
        return self.low > 0 and self.rise >= RISE_MIN


@dataclass(frozen=True, slots=True)
class Slope:
    """A line through points at even times: its slope per point, with a 99 % interval."""

    estimate: float
    low: float
    high: float
    start: float


def find_slope(values: Floats) -> Slope:
    """The slope of two points or more."""
    n = len(values)
    first, second = np.triu_indices(n, k=1)
    slopes = np.sort((values[second] - values[first]) / (second - first))
    estimate = float(np.median(slopes))
    rest = values - estimate * np.arange(n)
    rho = _lag1_autocorrelation(rest)
    variance = n * (n - 1) * (2 * n + 5) / 18 * (1 + rho) / (1 - rho)
    half = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * np.sqrt(variance)
    low = max(0, round((len(slopes) - half) / 2) - 1)
    high = min(len(slopes) - 1, round((len(slopes) + half) / 2))
    return Slope(estimate, float(slopes[low]), float(slopes[high]), float(np.median(rest)))


def _lag1_autocorrelation(rest: Floats) -> float:
    """The lag-one autocorrelation of residuals, 0 … `_CORRELATION_MAX`."""
    about, n = rest - rest.mean(), len(rest)
    spread = float(about @ about)
    if spread <= 1e-18 * float(rest @ rest) or n < POINTS_MIN:
        return 0.0
    seen = float(about[1:] @ about[:-1]) / spread
    return min(max((n * seen + 1) / (n - 3), 0.0), _CORRELATION_MAX)


def find_drift(values: npt.ArrayLike) -> Drift | None:
    """
    Find the drift of positive figures at even times, such as 60 successive p99s.

    Returns None for fewer than `POINTS_MIN` positive figures.
    """
    y = np.asarray(values, dtype=float)
    y = y[np.isfinite(y) & (y > 0)]
    if len(y) < POINTS_MIN:
        return None
    found = find_slope(y)
    scale = (len(y) - 1) / max(found.start, float(np.min(y)))
    at, step = _find_step(np.log(y))
    return Drift(found.estimate * scale, found.low * scale, found.high * scale, at, step)


def _find_step(logs: Floats) -> tuple[int | None, float]:
    """The greatest jump between segments, and where; (None, 0) when there is none."""
    import ruptures  # noqa: PLC0415  half a second, and only long loads need it

    noise = float(np.median(np.abs(np.diff(logs)))) / (0.6745 * np.sqrt(2))
    if noise == 0:
        return None, 0.0
    rho = _residual_autocorrelation(logs)
    noise *= float(np.sqrt((1 + rho) / (1 - rho)))
    search = ruptures.Pelt(model="l2", min_size=_SEGMENT_MIN, jump=1).fit(logs / noise)
    ends = [0, *search.predict(pen=_PENALTY * np.log(len(logs)))]
    levels = [float(np.median(logs[a:b])) for a, b in pairwise(ends)]
    jumps = np.expm1(np.diff(levels))
    if not len(jumps) or np.abs(jumps).max() < RISE_MIN:
        return None, 0.0
    greatest = int(np.abs(jumps).argmax())
    return int(ends[greatest + 1]), float(jumps[greatest])


def _residual_autocorrelation(logs: Floats) -> float:
    """The correlation of neighbours about a line or one step, whichever fits better."""
    line = logs - find_slope(logs).estimate * np.arange(len(logs))
    rests = [line - np.median(line)]
    for at in range(_SEGMENT_MIN, len(logs) - _SEGMENT_MIN + 1):
        parts = (logs[:at], logs[at:])
        rests.append(np.concatenate([part - np.median(part) for part in parts]))
    return _lag1_autocorrelation(min(rests, key=lambda rest: float(np.abs(rest).sum())))
