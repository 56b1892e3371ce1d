"""
The throughput search's steps, results and criteria.

A step offers one arrival rate (open model). Its result is cut into blocks of about a second
by the arrivals' *intended* time: blocks show bursts of bad events and a growing backlog.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from harness.errors import UsageError
from harness.plan.slo import Latency, Slo

Purpose = Literal["bracket", "bisect", "focus", "confirm"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """An objective as a limit on the share of bad events."""

    name: str  # The objective's source text
    error_budget: float  # The allowed share of bad events, 0 … 1
    limit_s: float | None = None  # The latency limit; None if it is not about latency


@dataclass(frozen=True, slots=True)
class Step:
    """
    One load level.

    Attributes:
        rest: Drain the queue before it. Confirming windows follow one another without a
            rest, so that a limiter's burst does not refill.
    """

    number: int  # From 1
    rate_per_s: float  # Arrivals per second
    duration_s: float  # Includes the settling time
    settle_s: float  # The beginning that is not evaluated, until the queue is stable
    purpose: Purpose
    rest: bool = True


@dataclass(frozen=True, slots=True)
class Block:
    """The arrivals intended within about one second of a step."""

    start_s: float  # Since the step's start
    length_s: float
    bad: tuple[int, ...]  # bad, total: Bad events and events, one number per criterion
    total: tuple[int, ...]
    response_s: float  # Mean response time of the ok attempts; NaN without any


@dataclass(frozen=True, slots=True)
class StepResult:
    """
    The result of a step.

    Attributes:
        p50_ms, p99_ms: Response time of the ok attempts after settling; NaN without any.
        p99_low_ms, p99_high_ms: The interval of the p99 (`order_statistics`).
    """

    step: Step
    blocks: tuple[Block, ...]  # In order of time, settling included
    offered: int  # Calls begun; an arrival may make several
    completed_per_s: float  # Ok attempts that *ended* within the step, per second
    outcomes: Mapping[str, int] = field(default_factory=dict)  # Attempts by outcome
    p50_ms: float = float("nan")
    p99_ms: float = float("nan")
    p99_low_ms: float = float("nan")
    p99_high_ms: float = float("nan")
    saturated: bool = False  # The generator was the bottleneck: the step is void

    @property
    def served_per_s(self) -> float:
        """Offered rate times the share of calls that ended ok in the step; NaN without calls."""
        ended = self.completed_per_s * self.step.duration_s
        return self.step.rate_per_s * ended / self.offered if self.offered else float("nan")

    @property
    def judged(self) -> tuple[Block, ...]:
        """The blocks after settling."""
        return tuple(b for b in self.blocks if b.start_s >= self.step.settle_s - 1e-9)


def read_criteria(slos: Sequence[Slo]) -> tuple[Criterion, ...]:
    """The objectives as criteria; UsageError unless each is an upper limit on a bad share."""
    if not slos:
        msg = "a throughput search needs an objective, such as --slo 'p99<250ms,errors<1%'"
        raise UsageError(msg)
    return tuple(_criterion(slo) for slo in slos)


def _criterion(slo: Slo) -> Criterion:
    if slo.error_budget is None:
        msg = (
            f"{slo.source!r} cannot steer a throughput search: only percentiles, max and upper "
            "limits on shares say which attempts are bad, such as p99<250ms or errors<1%"
        )
        raise UsageError(msg)
    limit_s = slo.limit / 1e6 if isinstance(slo.subject, Latency) else None
    return Criterion(slo.source, slo.error_budget, limit_s)
