"""
The trend of a plan: every kept trial a point, and where the level changed for good.

Change points are PELT's (Killick et al. 2012; ruptures) for a shift of the mean of the
logarithm, with the penalty 3 σ² ln n; σ is that of the differences of neighbours, so that
a shift does not look like noise. A shift smaller than the practical threshold is not told.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import ruptures
from scipy import stats

from harness.experiments.compare import figures
from harness.experiments.compare.sides import Run, build_sides
from harness.thresholds import Thresholds

POINTS_MIN = 6
"""With fewer points a shift cannot be told from two odd trials."""
METRICS = ("response.p50", "response.p99", "throughput")
_SEGMENT_MIN = 2
_SIGMA_MIN = 0.01


@dataclass(frozen=True, slots=True)
class Shift:
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


@dataclass(frozen=True, slots=True)
class Series:
    """
    One metric of one operation over all points.

    Attributes:
        operation, metric: As in a comparison.
        values: In ms, or a second; None where a trial has none.
        shifts: In order.
    """

    operation: str
    metric: str
    values: tuple[float | None, ...]
    shifts: tuple[Shift, ...]


@dataclass(frozen=True, slots=True)
class Trend:
    """
    A plan's trend.

    Attributes:
        names: One a point, oldest first.
        series: By operation and metric.
    """

    names: tuple[str, ...]
    series: tuple[Series, ...]

    def document(self, plan: str) -> dict[str, Any]:
        """trend.json, for a plan of that name."""
        return {
            "schema": 1,
            "plan": plan,
            "trials": list(self.names),
            "series": [self._series(one) for one in self.series],
        }

    def _series(self, one: Series) -> dict[str, Any]:
        return {
            "operation": one.operation,
            "metric": one.metric,
            "unit": "per_s" if one.metric == "throughput" else "ms",
            "values": list(one.values),
            "shifts": [
                {
                    "from_trial": self.names[shift.at],
                    "before": shift.before,
                    "after": shift.after,
                    "change": shift.change,
                }
                for shift in one.shifts
            ],
        }


def build_trend(points: Sequence[tuple[str, Run]], thresholds: Thresholds) -> Trend:
    """
    Read every point and look for shifts.

    Args:
        points: Name and trial, in any order; trials of one plan.
        thresholds: How large a shift must be.

    Raises:
        TrialError: An interval holds no histogram.
    """
    ordered = sorted(points, key=lambda point: point[1].manifest.started_ns)
    read = [_values(run) for _, run in ordered]
    operations = sorted({operation for values in read for operation, _ in values})
    series = []
    for operation in operations:
        for metric in METRICS:
            values = tuple(one.get((operation, metric)) for one in read)
            shifts = find_shifts(values, thresholds.of(operation, metric))
            series.append(Series(operation, metric, values, shifts))
    return Trend(tuple(name for name, _ in ordered), tuple(series))


def find_shifts(values: Sequence[float | None], threshold: float) -> tuple[Shift, ...]:
    """Where the level changed by the threshold or more; points without a value are skipped."""
    kept = [(at, value) for at, value in enumerate(values) if value is not None and value > 0]
    if len(kept) < POINTS_MIN:
        return ()
    logs = np.log([value for _, value in kept])
    noise = float(stats.median_abs_deviation(np.diff(logs), scale="normal")) / math.sqrt(2)
    penalty = 3 * max(noise, _SIGMA_MIN) ** 2 * math.log(len(kept))
    search = ruptures.Pelt(model="l2", min_size=_SEGMENT_MIN, jump=1).fit(logs[:, None])
    ends = [0, *search.predict(pen=penalty)]
    levels = [
        math.exp(float(np.median(logs[begin:end]))) for begin, end in itertools.pairwise(ends)
    ]
    found = [
        Shift(kept[at][0], before, after)
        for at, before, after in zip(ends[1:-1], levels[:-1], levels[1:], strict=True)
    ]
    return tuple(shift for shift in found if abs(shift.change) >= threshold)


def _values(run: Run) -> dict[tuple[str, str], float]:
    side, _ = build_sides([run], [run])
    whole = np.ones((1, side.steps))
    found = {}
    for operation in side.outcomes:
        rate = float(figures.throughput_per_s(side, operation, whole)[0])
        if rate > 0:
            found[operation, "throughput"] = rate
        if times := side.times.get((operation, "response")):
            told = figures.percentiles_ms(times, side.steps, whole)
            for name in ("p50", "p99"):
                found[operation, f"response.{name}"] = float(told[name][0])
    return found
