"""
From a step's attempts to its result: bad events by block and criterion.

Arrivals belong to the block of their *intended* time. A latency objective counts the ok
attempts of its operation; an outcome's objective counts all attempts of its operation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.experiments.capacity.order_statistics import quantile_of_values
from harness.experiments.capacity.steps import Block, Step, StepResult
from harness.plan.slo import Latency, Share, Slo
from harness.units import NS_PER_S

Bools = npt.NDArray[np.bool_]


def observe_step(
    step: Step,
    attempts: pd.DataFrame,
    slos: Sequence[Slo],
    *,
    start_ns: int,
    saturated: bool = False,
) -> StepResult:
    """
    Build a step's result, with the objectives in the order of the search's criteria.

    `attempts` have columns operation, attempt, intended_ns, end_ns, outcome, service_us and
    response_us of ``harness.trial.schema.ATTEMPTS`` in any order. `saturated` means that the
    generator was the bottleneck, not that slow responses occupied every user.
    """
    since_s = (attempts["intended_ns"].to_numpy() - start_ns) / NS_PER_S
    count = max(1, round(step.duration_s))
    length_s = step.duration_s / count
    block = np.clip((since_s / length_s).astype(np.int64), 0, count - 1)
    ok = (attempts["outcome"] == "ok").to_numpy(dtype=bool)
    response_s = attempts["response_us"].to_numpy() / 1e6
    events = [_events(slo, attempts, ok) for slo in slos]
    totals = [np.bincount(block[total], minlength=count) for _, total in events]
    bads = [np.bincount(block[bad], minlength=count) for bad, _ in events]
    n_ok = np.bincount(block[ok], minlength=count)
    sums = np.bincount(block[ok], weights=response_s[ok], minlength=count)
    blocks = tuple(
        Block(
            start_s=i * length_s,
            length_s=length_s,
            bad=tuple(int(bad[i]) for bad in bads),
            total=tuple(int(total[i]) for total in totals),
            response_s=float(sums[i] / n_ok[i]) if n_ok[i] else float("nan"),
        )
        for i in range(count)
    )
    ended_s = (attempts["end_ns"].to_numpy() - start_ns) / NS_PER_S
    outcomes = attempts["outcome"].value_counts()
    latency = _latency(response_s[ok & (since_s >= step.settle_s)] * 1e3)
    return StepResult(
        step=step,
        blocks=blocks,
        offered=int((attempts["attempt"] == 1).sum()),
        completed_per_s=float((ok & (ended_s <= step.duration_s)).sum()) / step.duration_s,
        outcomes={str(name): int(n) for name, n in outcomes.items() if n},
        saturated=saturated,
        **latency,
    )


def _events(slo: Slo, attempts: pd.DataFrame, ok: Bools) -> tuple[Bools, Bools]:
    """Masks of the bad and of the counted attempts of one objective."""
    of_operation = np.ones(len(attempts), dtype=bool)
    if slo.operation is not None:
        concerned = {name: slo.applies_to(name) for name in attempts["operation"].unique()}
        of_operation = attempts["operation"].map(concerned).to_numpy(dtype=bool)
    if isinstance(slo.subject, Latency):
        counted = of_operation & ok
        times_us = attempts[f"{slo.subject.clock}_us"].to_numpy()
        over = times_us >= slo.limit if slo.comparison == "<" else times_us > slo.limit
        return counted & over, counted
    assert isinstance(slo.subject, Share), slo.source
    share = slo.subject
    inside = np.array([share.counts(str(outcome)) for outcome in attempts["outcome"]], dtype=bool)
    upper = slo.comparison in {"<", "<="}
    return of_operation & (inside if upper else ~inside), of_operation


def _latency(response_ms: npt.NDArray[np.float64]) -> dict[str, float]:
    if not len(response_ms):
        return {}
    p99 = quantile_of_values(response_ms, 0.99)
    return {
        "p50_ms": float(np.median(response_ms)),
        "p99_ms": p99.estimate,
        "p99_low_ms": p99.low,
        "p99_high_ms": p99.high,
    }
