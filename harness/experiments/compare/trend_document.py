"""trend.json read back, for whoever tells of it later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from harness.experiments.compare.change_points import PELT, ChangePoint
from harness.experiments.compare.trend import METRICS, Series, Trend


class _Shift(msgspec.Struct, frozen=True):
    from_trial: str
    before: float
    after: float


class _Series(msgspec.Struct, frozen=True):
    operation: str
    metric: str
    values: tuple[float | None, ...]
    shifts: tuple[_Shift, ...] = ()


class _Document(msgspec.Struct, frozen=True):
    trials: tuple[str, ...]
    series: tuple[_Series, ...]
    method: str = PELT.method  # older documents name none, for there was no other


def read_trend(document: Mapping[str, Any]) -> Trend | None:
    """The trend that a document tells of; None when it is none of ours."""
    try:
        parsed = msgspec.convert(dict(document), _Document)
    except msgspec.ValidationError:
        return None
    if len(parsed.trials) < 2 or not all(_is_ours(one, parsed.trials) for one in parsed.series):
        return None
    return Trend(
        parsed.trials,
        tuple(
            Series(
                one.operation,
                one.metric,
                one.values,
                tuple(
                    ChangePoint(parsed.trials.index(shift.from_trial), shift.before, shift.after)
                    for shift in one.shifts
                ),
            )
            for one in parsed.series
        ),
        parsed.method,
    )


def _is_ours(series: _Series, trials: tuple[str, ...]) -> bool:
    return (
        series.metric in METRICS
        and len(series.values) == len(trials)
        and all(value is None or value > 0 for value in series.values)
        and all(
            shift.from_trial in trials[1:] and shift.before > 0 and shift.after > 0
            for shift in series.shifts
        )
    )
