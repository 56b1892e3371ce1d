"""
The trend of a plan: every kept trial a point, and where the level changed for good.

Change points are PELT's (Killick et al. 2012; ruptures) for a shift of the mean of the
logarithm, with the penalty 3 σ² ln n; σ is that of the differences of neighbours, so that
a shift does not look like noise. A shift smaller than the practical threshold is not told.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from harness.analysis.spectra import US_PER_MS, latencies
from harness.experiments.compare.sides import Run
from harness.thresholds import Thresholds

POINTS_MIN = 6
"""With fewer points a shift cannot be told from two odd trials."""
METRICS = ("response.p50", "response.p99", "throughput")
_SEGMENT_MIN = 2
_SIGMA_MIN = 0.01
_SLOT_S = 60  # histograms are merged by the minute, in bounded memory
_MAD_TO_SIGMA = 1.4826  # of a normal distribution


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

    @property
    def level(self) -> float | None:
        """The median since the last shift, the last point left out; None without one."""
        begin = self.shifts[-1].at if self.shifts else 0
        seen = [value for value in self.values[begin:-1] if value is not None]
        return statistics.median(seen) if seen else None


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


def build_trend(points: Iterable[tuple[str, Run]], thresholds: Thresholds) -> Trend:
    """
    Read every point, one at a time, and look for shifts.

    Args:
        points: Name and trial, in any order; trials of one plan.
        thresholds: How large a shift must be.

    Raises:
        TrialError: An interval holds no histogram.
    """
    ordered = sorted(
        ((run.manifest.started_ns, name, _values(run)) for name, run in points),
        key=lambda point: point[:2],
    )
    read = [values for _, _, values in ordered]
    operations = sorted({operation for values in read for operation, _ in values})
    series = []
    for operation in operations:
        for metric in METRICS:
            values = tuple(one.get((operation, metric)) for one in read)
            shifts = find_shifts(values, thresholds.of(operation, metric))
            series.append(Series(operation, metric, values, shifts))
    return Trend(tuple(name for _, name, _ in ordered), tuple(series))


def find_shifts(values: Sequence[float | None], threshold: float) -> tuple[Shift, ...]:
    """Where the level changed by the threshold or more; points without a value are skipped."""
    kept = [(at, value) for at, value in enumerate(values) if value is not None and value > 0]
    if len(kept) < POINTS_MIN:
        return ()
    logs = np.log([value for _, value in kept])
    import ruptures  # noqa: PLC0415  half a second, and only a trend of many points needs it

    steps = np.diff(logs)
    noise = _MAD_TO_SIGMA * float(np.median(np.abs(steps - np.median(steps)))) / math.sqrt(2)
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
    """Median, p99 and good answers a second of every operation that has one."""
    response = pc.equal(run.intervals["metric"].cast(pa.string()), "response")
    phases = {window.phase for window in run.windows}
    measured = latencies(run.intervals.filter(response), phases, _SLOT_S)
    found = {}
    for (operation, _), spectrum in measured.spectra.items():
        found[operation, "response.p50"] = spectrum.percentile_us(0.50) / US_PER_MS
        found[operation, "response.p99"] = spectrum.percentile_us(0.99) / US_PER_MS
        if run.measured_s > 0:
            found[operation, "throughput"] = spectrum.total / run.measured_s
    return found
