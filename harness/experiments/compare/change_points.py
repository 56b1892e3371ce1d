"""
Change points of a series: where a new level begins.

The search method is exchangeable. The least number of points, the least length of a level,
the levels (medians) and the least change are the same for each method. The method of this
module is PELT (Killick et al. 2012; ruptures) on the median of the logarithm, with absolute
deviation as the cost and the penalty 1.5 σ ln n. Absolute deviation limits the weight of an
outlier (docs/explanation/compare.md compares it with squares); σ is estimated from
differences of neighbours, so that a change does not count as noise.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

POINTS_MIN = 6
"""With fewer points a change looks like two outliers."""
LEVEL_POINTS_MIN = 2
"""One point is an outlier, not a level."""
_PELT_POINTS_MIN = 3
"""With one outlier in two points the median would lie between them."""
_PENALTY = 1.5
_SIGMA_MIN = 0.01
_MAD_TO_SIGMA = 1.4826  # of a normal distribution

FindChangePoints = Callable[[Sequence[Sequence[float]]], Sequence[Sequence[int]]]


@dataclass(frozen=True, slots=True)
class ChangePointMethod:
    """
    A search for change points.

    Attributes:
        find: Series of at least `POINTS_MIN` positive values → for each series the indices
            at which a new level begins, in order.
    """

    method: str  # Its name in trend.json: ``pelt``, ``otava 0.8.0``
    find: FindChangePoints


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A change of level."""

    at: int  # Index of the first point of the new level
    before: float  # before, after: The levels, as medians
    after: float

    @property
    def change(self) -> float:
        """Relative change of the level."""
        return self.after / self.before - 1


def find_by_pelt(series: Sequence[Sequence[float]]) -> list[list[int]]:
    """`ChangePointMethod.find` by PELT."""
    return [_pelt(np.log(values)) for values in series]


PELT = ChangePointMethod("pelt", find_by_pelt)


def find_change_points(
    series: Sequence[Sequence[float | None]],
    tolerances: Sequence[float],
    search: ChangePointMethod = PELT,
) -> list[tuple[ChangePoint, ...]]:
    """
    The change points of each series whose relative change is at least its tolerance.

    Missing points (None) are skipped; a series needs `POINTS_MIN` points.
    """
    kept = [
        [(at, value) for at, value in enumerate(values) if value is not None and value > 0]
        for values in series
    ]
    long = [number for number, points in enumerate(kept) if len(points) >= POINTS_MIN]
    values = [[value for _, value in kept[number]] for number in long]
    places = dict(zip(long, search.find(values) if values else (), strict=True))
    return [
        _change_points(points, places[number], threshold) if number in places else ()
        for number, (points, threshold) in enumerate(zip(kept, tolerances, strict=True))
    ]


def _change_points(
    points: Sequence[tuple[int, float]], places: Sequence[int], threshold: float
) -> tuple[ChangePoint, ...]:
    begins = [0]
    for place in places:
        if min(place - begins[-1], len(points) - place) >= LEVEL_POINTS_MIN:
            begins.append(place)
    levels = [
        math.exp(float(np.median(np.log([value for _, value in points[begin:end]]))))
        for begin, end in itertools.pairwise([*begins, len(points)])
    ]
    found = [
        ChangePoint(points[begin][0], before, after)
        for begin, before, after in zip(begins[1:], levels[:-1], levels[1:], strict=True)
    ]
    return tuple(change_point for change_point in found if abs(change_point.change) >= threshold)


def _pelt(logs: np.ndarray) -> list[int]:
    import ruptures  # noqa: PLC0415  half a second, and only a trend of many points needs it

    steps = np.diff(logs)
    noise = _MAD_TO_SIGMA * float(np.median(np.abs(steps - np.median(steps)))) / math.sqrt(2)
    penalty = _PENALTY * max(noise, _SIGMA_MIN) * math.log(len(logs))
    search = ruptures.Pelt(model="l1", min_size=_PELT_POINTS_MIN, jump=1).fit(logs[:, None])
    return [int(end) for end in search.predict(pen=penalty)[:-1]]
