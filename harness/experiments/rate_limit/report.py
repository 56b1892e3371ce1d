"""The report on a limiter from its observations: rate_limit.json and a summary."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.experiments.rate_limit import advice as advising
from harness.experiments.rate_limit import scope
from harness.experiments.rate_limit.designs import Experiment
from harness.experiments.rate_limit.model_selection import (
    COUNTING_SUFFIX,
    EXPLAINED_MIN,
    ModelSelection,
    cost,
    select_model,
)
from harness.experiments.rate_limit.models.fit import Fit, Interval
from harness.experiments.rate_limit.models.queueing import VARIANT as QUEUEING
from harness.experiments.rate_limit.observations import Observation
from harness.experiments.rate_limit.retry_after import RetryAfter, assess_retry_after
from harness.experiments.rate_limit.retry_after_tests import RetryAfterTest
from harness.experiments.rate_limit.summary_text import write_summary
from harness.units import NS_PER_S

_LEAST_DECISIONS = 20


@dataclass(frozen=True, slots=True, eq=False)
class RateLimitReport:
    """The report on a limiter."""

    operation: str
    limited: bool | None  # Whether there is a limit; None if unknown
    selection: ModelSelection
    fit: Fit | None  # The selected model; None if no model explains enough
    retry_after: RetryAfter
    scope: Mapping[str, str]  # ``operation`` and ``key``: shared, separate or unknown
    rejected_count: bool | None  # Whether refused requests count against the limit; None if unknown
    advice: advising.Advice | None  # Client settings; None without a model
    notes: tuple[str, ...]  # Remarks for the reader
    ended: str  # Why the lab stopped
    observations: tuple[Observation, ...]

    @property
    def algorithm(self) -> str:
        """The model's family; ``unknown`` without a model."""
        return self.fit.algorithm if self.fit else "unknown"

    @property
    def summary_text(self) -> str:
        """The summary in plain English."""
        return write_summary(self.limited, self.fit, self.retry_after, self.scope, notes=self.notes)

    def to_json(self) -> dict[str, Any]:
        """rate_limit.json, schema 1."""
        fit, retry, best = self.fit, self.retry_after, self.selection.fits[:1]
        return {
            "schema": 1,
            "limited": self.limited,
            "algorithm": self.algorithm,
            "rate_per_s": _interval(fit.rate_per_s if fit else None),
            "burst": _interval(fit.burst if fit else None),
            "window_s": _interval(fit.window_s if fit else None),
            "retry_after": {
                "present_fraction": retry.present_fraction,
                "honest_fraction": retry.honest_fraction,
                "overshoot_p50_s": retry.overshoot_p50_s,
                "kind": retry.kind,
                "trials": retry.tested,
                "tries": [_try(one) for one in retry.tests],
            },
            "rejected_count_against_limit": self.rejected_count,
            "attempts": len(self.observations),
            "operation": self.operation,
            "scope": dict(self.scope),
            "explained_fraction": best[0].explained_fraction if best else None,
            "models": [_model(f) for f in self.selection.fits],
            "advice": self.advice._asdict() if self.advice else None,
            "notes": list(self.notes),
            "paragraph": self.summary_text,
            "ended": self.ended,
        }


def describe(
    observations: Sequence[Observation],
    *,
    operation: str,
    ended: str = "",
    stopped_answering: bool = False,
) -> RateLimitReport:
    """Describe the limiter behind these observations."""
    own = _own(observations, operation)
    selection = select_model(own, operation=operation)
    decided = [o for o in own if o.accepted is not None]
    refused = sum(o.accepted is False for o in decided)
    limited = refused >= 3 or refused > 0.01 * len(decided)
    fit = selection.best if limited and not stopped_answering else None
    enough = len(decided) >= _LEAST_DECISIONS and not stopped_answering
    return RateLimitReport(
        operation=operation,
        limited=limited if limited or enough else None,
        selection=selection,
        fit=fit,
        retry_after=assess_retry_after(own, selection.best, selection.log),
        scope={
            "operation": scope.assess_scope(observations, scope.OTHER_OPERATION),
            "key": scope.assess_scope(observations, scope.OTHER_KEY),
        },
        rejected_count=fit.variant.endswith(COUNTING_SUFFIX) if fit else None,
        advice=advising.advise(fit, uncertainty_s=selection.log.typical_uncertainty_s)
        if fit
        else None,
        notes=tuple(_notes(own, selection, limited=limited, stopped=stopped_answering)),
        ended=ended,
        observations=tuple(observations),
    )


def verification_experiment(report: RateLimitReport) -> Experiment | None:
    """The experiment that verifies the advice; None without advice."""
    if report.advice is None or report.fit is None:
        return None
    fit = report.fit
    rest_s = 0.2
    if fit.window_s:
        rest_s = 2 * fit.window_s.high + 0.1
    elif fit.rate_per_s:
        rest_s = min(30.0, 1.1 * (report.advice.burst + 1) / fit.rate_per_s.low + 0.1)
    return advising.verification_experiment(report.advice, report.operation, rest_s=rest_s)


def _own(observations: Sequence[Observation], operation: str) -> list[Observation]:
    """
    Requests that only this operation's and the first key's limit affects: none after scope
    tests.
    """
    shared_ns = min(
        (o.sent_ns for o in observations if o.purpose.startswith("scope")), default=None
    )
    return [
        o
        for o in observations
        if o.key == 0
        and o.operation == operation
        and o.purpose != advising.PURPOSE
        and (shared_ns is None or o.sent_ns < shared_ns)
    ]


def _interval(interval: Interval | None) -> dict[str, float] | None:
    return {k: float(v) for k, v in interval._asdict().items()} if interval else None


def _try(one: RetryAfterTest) -> dict[str, float | None]:
    """One Retry-After test; seconds since the refusal was received."""
    passed_s = None if math.isinf(one.passed_s) else one.passed_s
    return {"told_s": one.announced_s, "refused_s": one.refused_s, "passed_s": passed_s}


def _model(fit: Fit) -> dict[str, Any]:
    return {
        "variant": fit.variant,
        "algorithm": fit.algorithm,
        "parameters": fit.parameters,
        "explained_fraction": fit.explained_fraction,
        "contradictions": fit.contradictions,
        "cost": cost(fit),
        "rate_per_s": _interval(fit.rate_per_s),
        "burst": _interval(fit.burst),
        "window_s": _interval(fit.window_s),
    }


def _notes(
    own: Sequence[Observation], selection: ModelSelection, *, limited: bool, stopped: bool
) -> list[str]:
    notes = []
    errors = sum(o.accepted is None for o in own)
    if stopped:
        notes.append("The server stopped responding before the limit was measured.")
    elif errors:
        notes.append(
            f"{errors} of {len(own)} requests ended with an error, neither passed nor refused."
        )
    if not limited and own:
        span_s = (max(o.received_ns for o in own) - min(o.sent_ns for o in own)) / NS_PER_S
        peak = _peak_per_s(own)
        notes.append(
            f"{len(own):,} requests in {span_s:.1f} s, up to {peak:,} in one second, passed."
        )
    if limited and selection.best is None and not stopped:
        explained = [f for f in selection.fits if f.explained_fraction >= EXPLAINED_MIN]
        notes.append(
            "The models that explain 95 % of the decisions would explain any other decisions too."
            if explained
            else "No model explains 95 % of the decisions."
        )
    lag_ms = _queueing_ms(own)
    if lag_ms > 150 and not (selection.fits and selection.fits[0].variant == QUEUEING):
        notes.append(
            f"Accepted requests took up to {lag_ms:.0f} ms longer in concurrent bursts: the limiter"
            " may queue requests (leaky-bucket shaping) before it refuses."
        )
    return notes


def _peak_per_s(own: Sequence[Observation]) -> int:
    sent = sorted(o.sent_ns for o in own)
    peak, first = 0, 0
    for last, at in enumerate(sent):
        while at - sent[first] > NS_PER_S:
            first += 1
        peak = max(peak, last - first + 1)
    return peak


def _queueing_ms(own: Sequence[Observation]) -> float:
    """Difference of the 90th and 10th percentiles of the response times of passes."""
    took = sorted((o.received_ns - o.sent_ns) / 1e6 for o in own if o.accepted)
    if len(took) < 20:
        return 0.0
    return took[round(0.9 * len(took))] - took[round(0.1 * len(took))]
