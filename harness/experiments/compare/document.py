"""compare.json read back, for whoever tells of it later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from harness.experiments.compare.changes import Change, Comparison


class _Side(msgspec.Struct, frozen=True):
    trials: tuple[str, ...]
    measured_s: float
    called: tuple[str, ...] = ()  # older documents know no names

    @property
    def names(self) -> tuple[str, ...]:
        return self.called if len(self.called) == len(self.trials) else self.trials


class _Metric(msgspec.Struct, frozen=True):
    operation: str
    metric: str
    unit: str
    verdict: str
    threshold: float
    baseline: float | None = None
    candidate: float | None = None
    change: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    p_adjusted: float | None = None
    reason: str = ""
    needed_s: float | None = None
    needed_runs: int | None = None


class _Document(msgspec.Struct, frozen=True):
    baseline: _Side
    candidate: _Side
    metrics: tuple[_Metric, ...]
    cautions: tuple[str, ...] = ()
    doubtful: str = ""


def read_comparison(document: Mapping[str, Any]) -> Comparison | None:
    """The comparison that a document tells of; None when it is none of ours."""
    try:
        parsed = msgspec.convert(dict(document), _Document)
    except msgspec.ValidationError:
        return None
    changes = [_change(metric) for metric in parsed.metrics]
    if any(change is None for change in changes):
        return None
    return Comparison(
        baseline=parsed.baseline.trials,
        candidate=parsed.candidate.trials,
        baseline_labels=parsed.baseline.names,
        candidate_labels=parsed.candidate.names,
        baseline_s=parsed.baseline.measured_s,
        candidate_s=parsed.candidate.measured_s,
        changes=tuple(change for change in changes if change is not None),
        cautions=parsed.cautions,
        doubtful=parsed.doubtful,
    )


def _change(metric: _Metric) -> Change | None:
    match metric.verdict:
        case "pass" | "regressed" | "inconclusive" as verdict if metric.threshold > 0:
            return Change(
                operation=metric.operation,
                metric=metric.metric,
                unit=metric.unit,
                baseline=metric.baseline,
                candidate=metric.candidate,
                threshold=metric.threshold,
                change=metric.change,
                low=metric.ci_low,
                high=metric.ci_high,
                p=metric.p_adjusted,
                verdict=verdict,
                reason=metric.reason,
                needed_s=metric.needed_s,
                needed_runs=metric.needed_runs,
            )
    return None
