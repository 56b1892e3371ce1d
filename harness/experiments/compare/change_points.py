"""
Where a level changed for good: the search can be exchanged, what is made of it cannot.

A search says at which points of a series a new level begins. How few points tell nothing,
how few make a level, what the levels are (medians) and how large a change must be is the
same for every search. The one of this module is PELT (Killick et al. 2012; ruptures) for a
shift of the median of the logarithm: its cost is the absolute deviation, its penalty
1.5 σ ln n. An odd trial weighs no more than it must (with squares, one in ten made a change
of most series: docs/explanation/compare.md); σ is that of the differences of neighbours, so
that a shift does not look like noise.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

POINTS_MIN = 6
"""With fewer points a shift cannot be told from two odd trials."""
LEVEL_POINTS_MIN = 2
"""One point is an odd trial, no level."""
_PELT_POINTS_MIN = 3
"""Of two trials, one of them odd, the median would lie between."""
_PENALTY = 1.5
_SIGMA_MIN = 0.01
_MAD_TO_SIGMA = 1.4826  # of a normal distribution

FindChangePoints = Callable[[Sequence[Sequence[float]]], Sequence[Sequence[int]]]


@dataclass(frozen=True, slots=True)
class ChangePointMethod:
    """
    A way to search for change points.

    Attributes:
        method: Its name, as trend.json tells it: ``pelt``, ``otava 0.8.0``.
        find: All series at once, each of `POINTS_MIN` positive values or more → of each the
            places where a new level begins, in order.
    """

    method: str
    find: FindChangePoints


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """
    A change for good.

    Attributes:
        at: The first point of the new level.
        before, after: Both levels, as medians.
    """

    at: int
    before: float
    after: float

    @property
    def change(self) -> float:
        """Relative."""
        return self.after / self.before - 1


def find_by_pelt(series: Sequence[Sequence[float]]) -> list[list[int]]:
    """What `ChangePointMethod.find` promises, by PELT."""
    return [_pelt(np.log(values)) for values in series]


PELT = ChangePointMethod("pelt", find_by_pelt)


def find_change_points(
    series: Sequence[Sequence[float | None]],
    tolerances: Sequence[float],
    search: ChangePointMethod = PELT,
) -> list[tuple[ChangePoint, ...]]:
    """
    Where each series' level changed by its threshold or more, relative.

    Points without a value are passed over; a series of fewer than `POINTS_MIN` has no shift.
    """
    kept = [
        [(at, value) for at, value in enumerate(values) if value is not None and value > 0]
        for values in series
    ]
    long = [number for number, points in enumerate(kept) if len(points) >= POINTS_MIN]
    asked = [[value for _, value in kept[number]] for number in long]
    places = dict(zip(long, search.find(asked) if asked else (), strict=True))
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
