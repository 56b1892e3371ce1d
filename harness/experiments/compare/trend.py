"""
The trend of a plan: one point per kept trial, and the points where the level changed.

A change smaller than the practical tolerance is not reported.
"""

from __future__ import annotations

import copy
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from harness.analysis.distributions import US_PER_MS, latencies
from harness.experiments.compare.change_points import (
    PELT,
    ChangePoint,
    ChangePointMethod,
    find_change_points,
)
from harness.experiments.compare.samples import TrialSample
from harness.json_aliases import add_aliases
from harness.plan.tolerances import Tolerances

METRICS = ("response.p50", "response.p99", "throughput")
_SLOT_S = 60  # histograms are merged by the minute, in bounded memory


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one operation over all points."""

    operation: str
    metric: str
    values: tuple[float | None, ...]  # In ms, or per second; None where a trial has none
    change_points: tuple[ChangePoint, ...]

    @property
    def level(self) -> float | None:
        """The median since the last change point, without the newest point; None if empty."""
        begin = self.change_points[-1].at if self.change_points else 0
        seen = [value for value in self.values[begin:-1] if value is not None]
        return statistics.median(seen) if seen else None


@dataclass(frozen=True, slots=True)
class Trend:
    """A plan's trend."""

    names: tuple[str, ...]  # One per point, oldest first
    series: tuple[Series, ...]
    method: str = PELT.method  # Name of the `ChangePointMethod`

    def document(self, plan: str) -> dict[str, Any]:
        """trend.json, for a plan of that name."""
        document: dict[str, Any] = {
            "schema": 1,
            "plan": plan,
            "method": self.method,
            "trials": list(self.names),
            "series": [self._series(one) for one in self.series],
        }
        return add_aliases("trend", document)

    def _series(self, one: Series) -> dict[str, Any]:
        return {
            "operation": one.operation,
            "metric": one.metric,
            "unit": "per_s" if one.metric == "throughput" else "ms",
            "values": list(one.values),
            "shifts": [
                {
                    "from_trial": self.names[change_point.at],
                    "before": change_point.before,
                    "after": change_point.after,
                    "change": change_point.change,
                }
                for change_point in one.change_points
            ],
        }


def build_trend(
    points: Iterable[tuple[str, TrialSample]],
    tolerances: Tolerances,
    search: ChangePointMethod = PELT,
) -> Trend:
    """
    Read the points (name, trial) one at a time, in any order, and search for change points.

    Raises:
        TrialError: An interval holds no histogram.
        ProgramError: An external search program failed.
    """
    ordered = sorted(
        ((trial.manifest.started_ns, name, _values(trial)) for name, trial in points),
        key=lambda point: point[:2],
    )
    read = [values for _, _, values in ordered]
    operations = sorted({operation for values in read for operation, _ in values})
    keys = [(operation, metric) for operation in operations for metric in METRICS]
    series = [tuple(one.get(key) for one in read) for key in keys]
    change_points = find_change_points(series, [tolerances.of(*key) for key in keys], search)
    return Trend(
        tuple(name for _, name, _ in ordered),
        tuple(
            Series(*key, values, found)
            for key, values, found in zip(keys, series, change_points, strict=True)
        ),
        search.method,
    )


def _values(trial: TrialSample) -> dict[tuple[str, str], float]:
    """Median, p99 and throughput of every operation that has them."""
    response = pc.equal(trial.intervals["metric"].cast(pa.string()), "response")
    phases = {window.name for window in trial.windows}
    measured = latencies(trial.intervals.filter(response), phases, _SLOT_S)
    found = {}
    for (operation, _), distribution in measured.distributions.items():
        found[operation, "response.p50"] = distribution.percentile_us(0.50) / US_PER_MS
        found[operation, "response.p99"] = distribution.percentile_us(0.99) / US_PER_MS
        if trial.measured_s > 0:
            found[operation, "throughput"] = distribution.total / trial.measured_s
    return found


_Positive = Annotated[float, msgspec.Meta(gt=0)]


class _Shift(msgspec.Struct, frozen=True):
    from_trial: str
    before: _Positive
    after: _Positive


class _SeriesDocument(msgspec.Struct, frozen=True):
    operation: str
    metric: Literal["response.p50", "response.p99", "throughput"]
    values: tuple[_Positive | None, ...]
    shifts: tuple[_Shift, ...] = ()


class _Document(msgspec.Struct, frozen=True):
    trials: Annotated[tuple[str, ...], msgspec.Meta(min_length=2)]
    series: tuple[_SeriesDocument, ...]
    method: str = PELT.method  # absent from documents older than other methods


def read_trend(document: Mapping[str, Any]) -> Trend | None:
    """The trend of a document; None if the document is of another kind."""
    try:
        parsed = msgspec.convert(add_aliases("trend", copy.deepcopy(dict(document))), _Document)
        series = tuple(_read_series(one, parsed.trials) for one in parsed.series)
    except (msgspec.ValidationError, ValueError):
        return None
    return Trend(parsed.trials, series, parsed.method)


def _read_series(one: _SeriesDocument, trials: tuple[str, ...]) -> Series:
    if len(one.values) != len(trials):
        raise ValueError(one.operation)
    found = (ChangePoint(trials.index(s.from_trial, 1), s.before, s.after) for s in one.shifts)
    return Series(one.operation, one.metric, one.values, tuple(found))
