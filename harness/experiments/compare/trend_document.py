"""Read trend.json back."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from harness.experiments.compare.change_points import PELT, ChangePoint
from harness.experiments.compare.trend import Series, Trend
from harness.json_aliases import add_aliases

_Positive = Annotated[float, msgspec.Meta(gt=0)]


class _Shift(msgspec.Struct, frozen=True):
    from_trial: str
    before: _Positive
    after: _Positive


class _Series(msgspec.Struct, frozen=True):
    operation: str
    metric: Literal["response.p50", "response.p99", "throughput"]
    values: tuple[_Positive | None, ...]
    shifts: tuple[_Shift, ...] = ()


class _Document(msgspec.Struct, frozen=True):
    trials: Annotated[tuple[str, ...], msgspec.Meta(min_length=2)]
    series: tuple[_Series, ...]
    method: str = PELT.method  # absent from documents older than other methods


def read_trend(document: Mapping[str, Any]) -> Trend | None:
    """The trend of a document; None if the document is of another kind."""
    try:
        parsed = msgspec.convert(add_aliases("trend", copy.deepcopy(dict(document))), _Document)
        series = tuple(_series(one, parsed.trials) for one in parsed.series)
    except (msgspec.ValidationError, ValueError):
        return None
    return Trend(parsed.trials, series, parsed.method)


def _series(one: _Series, trials: tuple[str, ...]) -> Series:
    if len(one.values) != len(trials):
        raise ValueError(one.operation)
    found = (ChangePoint(trials.index(s.from_trial, 1), s.before, s.after) for s in one.shifts)
    return Series(one.operation, one.metric, one.values, tuple(found))
