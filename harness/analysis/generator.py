"""
Was the load generator the bottleneck?

A saturated generator makes every target look slow, so performance findings of such a trial are
unknown. After Hyperfoil's blocked ratio and Nighthawk's own-pace checks.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.trial.schema import Manifest, WorkerSummary
from harness.units import NS_PER_S

SATURATED_SHARE = 0.10
"""From this share of its seconds as the bottleneck, a worker is saturated."""
LATE_SHARE = 0.01
"""Above this share of late arrivals, a worker (or all together) is saturated."""
LATE_STARTS_MIN = 3
"""Fewer late starts are no share: of 40 arrivals, a single pause of the machine is over 1 %."""
_REASONS_MAX = 2


@dataclass(frozen=True, slots=True)
class GeneratorHealth:
    """
    The health of the generator: the highest figures of any worker.

    Attributes:
        cpu_max_fraction: Share of one core, 0 … 1.
        saturated: Its own limits, not the target's, shaped the trial.
        reason: Why it counts as saturated; "" when it does not.
    """

    cpu_max_fraction: float
    loop_lag_p99_ms: float
    saturated: bool
    reason: str


def assess_generator(manifest: Manifest) -> GeneratorHealth:
    """
    Assess the generator by its workers' summaries.

    Saturated: one worker was the bottleneck in a tenth of the load's seconds, or started at least
    three, and over 1 %, of its arrivals late while a user was free. One worker is enough, because
    all numbers include its own. Where each has too few late starts, their sum may suffice.
    """
    duration_s = load_s(manifest)
    workers = manifest.workers
    reasons = [reason for worker in workers if (reason := _saturation_reason(worker, duration_s))]
    if not reasons and len(workers) > 1:
        late = sum(worker.late_by_generator for worker in workers)
        planned = sum(worker.planned for worker in workers)
        reasons = _late_start_reasons(f"{len(workers)} workers", late, planned)
    rest = len(reasons) - _REASONS_MAX
    others = [f"{rest} other worker{'s' * (rest > 1)} likewise"] if rest > 0 else []
    return GeneratorHealth(
        cpu_max_fraction=max((worker.cpu_max_fraction for worker in workers), default=0.0),
        loop_lag_p99_ms=max((worker.loop_lag_p99_ms for worker in workers), default=0.0),
        saturated=bool(reasons),
        reason="; ".join(reasons[:_REASONS_MAX] + others),
    )


def _saturation_reason(worker: WorkerSummary, duration_s: float) -> str:
    """How a worker was the bottleneck; "" when it was not."""
    if worker.saturated_s and worker.saturated_s >= SATURATED_SHARE * duration_s:
        return (
            f"worker {worker.worker} was at its limit in {worker.saturated_s} of "
            f"{duration_s:.0f} seconds of load"
        )
    name = f"worker {worker.worker}"
    return "".join(_late_start_reasons(name, worker.late_by_generator, worker.planned))


def _late_start_reasons(who: str, late: int, planned: int) -> list[str]:
    """One reason when too many arrivals started late, else none."""
    if late < LATE_STARTS_MIN or late <= LATE_SHARE * planned:
        return []
    return [f"{who} started {late:,} of {planned:,} arrivals late although a user was free"]


def load_s(manifest: Manifest) -> float:
    """Seconds of load without cleanup; zero when the trial did not end."""
    return max(manifest.ended_ns - manifest.started_ns, 0) / NS_PER_S
