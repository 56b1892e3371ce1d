"""
The results of both searches as capacity.json.

Times are milliseconds; ceiling observations have seconds since the first one. What was not
measured is null, not zero.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from harness.experiments.capacity.estimate import Estimate, JudgedStep
from harness.experiments.capacity.knee import find_knee
from harness.experiments.capacity.messages import CreateResult, SessionEstimate
from harness.experiments.capacity.order_statistics import quantile_of_values
from harness.experiments.capacity.steps import StepResult
from harness.experiments.capacity.usl import NoFit, fit_usl
from harness.json_aliases import add_aliases

SCHEMA = 1
FULL_CODES = frozenset({"CLOUD_CAPACITY_FULL", "CLOUD_CAPACITY_EXHAUSTED"})
"""Codes of a clean refusal of a full target."""


_STEP_NUMBERS = ("completed_per_s", "served_per_s", "p50_ms", "p99_ms", "p99_low_ms", "p99_high_ms")


def sessions_document(found: SessionEstimate, *, leaked: int, interrupted: bool) -> dict[str, Any]:
    """The document of a session search; `leaked` sessions are open after every cleanup."""
    seen = [observation.sessions for observation in found.ceiling_observations]
    refusal = _describe_refusal(found.refusals)
    begun_s = min((observation.at_s for observation in found.ceiling_observations), default=0.0)
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": "sessions",
        "ceiling": found.ceiling,
        "bounded": found.bounded,
        "ceiling_low": min(seen, default=found.ceiling),
        "ceiling_high": None if found.bounded else max(seen, default=found.ceiling),
        "refusal_code": refusal["code"],
        "release_ms": _percentiles([s * 1e3 for s in found.releases_s])
        | {
            "count": len(found.releases_s),
            "resolution": _ms(found.release_step_s) if found.releases_s else None,
        },
        "over_admitted": found.over_admitted,
        "leaked": leaked,
        "races": found.races,
        "refusal": refusal,
        "failed_creates": found.failed,
        "lost_answers": found.lost,
        "slots_lost": None if found.refill_failed is None else found.slots_lost,
        "slots_lost_after": found.refill_failed,
        "rate_limited": found.rate_limited,
        "opened": found.opened,
        "interrupted": interrupted,
        "notes": found.notes,
        "sightings": [
            {"at_s": round(s.at_s - begun_s, 3), "sessions": s.sessions}
            for s in found.ceiling_observations
        ],
        "releases_ms": [_ms(s) for s in found.releases_s],
    }
    return add_aliases("capacity", document)


def _describe_refusal(refusals: Sequence[CreateResult]) -> dict[str, Any]:
    codes = Counter(refusal.code for refusal in refusals)
    with_retry_after = sum(not math.isnan(refusal.retry_after_s) for refusal in refusals)
    return {
        "code": codes.most_common(1)[0][0] or None if codes else None,
        "codes": dict(codes),
        "count": len(refusals),
        "clean": bool(codes) and len(codes) == 1 and not codes.keys() - FULL_CODES,
        "retry_after_fraction": round(with_retry_after / len(refusals), 4) if refusals else None,
        "latency_ms": _percentiles([(r.end_s - r.start_s) * 1e3 for r in refusals]),
    }


def _percentiles(values_ms: Sequence[float]) -> dict[str, float | None]:
    if not values_ms:
        return {"p50": None, "p99": None}
    return {
        name: round(quantile_of_values(values_ms, share).estimate, 3)
        for name, share in (("p50", 0.5), ("p99", 0.99))
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 3)


def throughput_document(found: Estimate, slo: str, *, interrupted: bool) -> dict[str, Any]:
    """The document of a throughput search with these objectives, as written."""
    results = [judged_step.result for judged_step in found.steps]
    knee = find_knee([r.served_per_s for r in results], [r.p50_ms for r in results])
    usl, reason = _fit_usl(found.steps)
    steps = [_step(t.result, t.decision.value, t.growth) for t in found.steps]
    void_steps = [_step(result, "void", 0.0) for result in found.void_steps]
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": "throughput",
        "slo": slo,
        "max_rate_per_s": {
            name: _finite(getattr(found, name)) for name in ("estimate", "low", "high")
        },
        "bound": found.bound.value,
        "binding": found.binding or None,
        "gives_way": found.gives_way or None,
        "confirmed_per_s": _finite(found.confirmed_per_s),
        "knee": knee and {name: _finite(value) for name, value in asdict(knee).items()},
        "usl": usl,
        "usl_reason": reason,
        "interrupted": interrupted,
        "notes": list(found.notes),
        "steps": sorted(steps + void_steps, key=lambda step: step["number"]),
    }
    return add_aliases("capacity", document)


def _fit_usl(steps: Sequence[JudgedStep]) -> tuple[dict[str, Any] | None, str | None]:
    """Fit the law to the steps with a stable queue; concurrency by Little's law."""
    levels = []
    for judged_step in steps:
        result = judged_step.result
        means = [b.response_s for b in result.judged if not math.isnan(b.response_s)]
        if means and judged_step.growth <= 0:
            rate = result.completed_per_s
            levels.append((sum(means) / len(means) * rate, rate))
    fit = fit_usl([n for n, _ in levels], [x for _, x in levels])
    if isinstance(fit, NoFit):
        return None, fit.reason
    parameters = {"lambda": fit.lambda_per_s, "sigma": fit.sigma, "kappa": fit.kappa}
    document: dict[str, Any] = {name: _significant(p.estimate) for name, p in parameters.items()}
    document["intervals"] = {
        name: [_significant(p.low), _significant(p.high)] for name, p in parameters.items()
    }
    document["r2"] = round(fit.r2, 4)
    document["peak_concurrency"] = fit.peak_concurrency
    document["peak_per_s"] = fit.peak_per_s
    document["levels"] = [[_significant(n), _significant(x)] for n, x in levels]
    return document, None


def _step(result: StepResult, decision: str, growth: float) -> dict[str, Any]:
    step = result.step
    return {
        "number": step.number,
        "purpose": step.purpose,
        "rate_per_s": _significant(step.rate_per_s),
        "duration_s": step.duration_s,
        "decision": decision,
        "offered": result.offered,
        **{name: _finite(getattr(result, name)) for name in _STEP_NUMBERS},
        "backlog_growth": round(growth, 5),
        "outcomes": dict(result.outcomes),
    }


def _finite(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None


def _significant(value: float) -> float:
    return float(f"{value:.6g}")
