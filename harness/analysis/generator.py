"""
Was the load generator itself the bottleneck?

A saturated generator makes every target look slow, so performance findings of such
a trial are doubts. After Hyperfoil's blocked ratio and Nighthawk's own-pace checks.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.trial.schema import Manifest, WorkerSummary
from harness.units import NS_PER_S

SATURATED_SHARE = 0.10
"""Share of the load's seconds in which one worker may be the bottleneck."""
LATE_SHARE = 0.01
"""Share of its arrivals that a worker may begin late, and all of them together."""
LATE_STARTS_MIN = 3
"""
So many late starts are needed to speak of a share, as a percentile needs so many attempts
beyond it (`harness.checks.slo`): of 40 arrivals a single one is more than 1 %, and one
pause of the machine.
"""
_REASONS_MAX = 2


@dataclass(frozen=True, slots=True)
class GeneratorHealth:
    """
    How the generator fared.

    Attributes:
        cpu_max_fraction: Highest share of one core that any worker used, 0 … 1.
        loop_lag_p99_ms: Largest of the workers' 99th percentiles of loop lag, ms.
        saturated: True when its own limits, not the target's, shaped the trial.
        reason: Why it is held saturated, in words; "" when it is not.
    """

    cpu_max_fraction: float
    loop_lag_p99_ms: float
    saturated: bool
    reason: str


def assess_generator(manifest: Manifest) -> GeneratorHealth:
    """
    Judge the generator by what its workers said when they ended.

    Saturated: one worker was the bottleneck in at least a tenth of the load's seconds, or
    began more than one in a hundred of its arrivals, and three or more, late though a user
    was free. One is enough: its numbers are among all the others'. Where each has too few
    late starts to tell, all of them together may have enough.
    """
    duration_s = load_s(manifest)
    workers = manifest.workers
    reasons = [reason for worker in workers if (reason := _saturation_reason(worker, duration_s))]
    if not reasons and len(workers) > 1:
        late = sum(worker.late_by_generator for worker in workers)
        reasons = _late_start_reasons(
            f"{len(workers)} workers", late, sum(w.planned for w in workers)
        )
    return GeneratorHealth(
        cpu_max_fraction=max((worker.cpu_max_fraction for worker in workers), default=0.0),
        loop_lag_p99_ms=max((worker.loop_lag_p99_ms for worker in workers), default=0.0),
        saturated=bool(reasons),
        reason="; ".join([*reasons[:_REASONS_MAX], *_other_workers(len(reasons) - _REASONS_MAX)]),
    )


def _other_workers(count: int) -> list[str]:
    if count < 1:
        return []
    return [f"{count} other worker{'s' * (count > 1)} likewise"]


def _saturation_reason(worker: WorkerSummary, duration_s: float) -> str:
    """How a worker was itself the bottleneck, in words; "" when it was not."""
    if worker.saturated_s and worker.saturated_s >= SATURATED_SHARE * duration_s:
        return (
            f"worker {worker.worker} was at its limit in {worker.saturated_s} of "
            f"{duration_s:.0f} seconds of load"
        )
    name = f"worker {worker.worker}"
    return "".join(_late_start_reasons(name, worker.late_by_generator, worker.planned))


def _late_start_reasons(who: str, late: int, planned: int) -> list[str]:
    """One reason when too many arrivals were begun late, else none."""
    if late < LATE_STARTS_MIN or late <= LATE_SHARE * planned:
        return []
    return [f"{who} began {late:,} of {planned:,} arrivals late though a user was free"]


def load_s(manifest: Manifest) -> float:
    """Seconds of load, cleanup not counted; zero when the trial never ended."""
    return max(manifest.ended_ns - manifest.started_ns, 0) / NS_PER_S
