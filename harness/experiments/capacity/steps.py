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
    """
    An objective as a limit on the share of bad events.

    Attributes:
        name: The objective's source text.
        error_budget: The allowed share of bad events, 0 … 1.
        limit_s: The latency limit; None if it is not about latency.
    """

    name: str
    error_budget: float
    limit_s: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """
    One load level.

    Attributes:
        number: From 1.
        rate_per_s: Arrivals per second.
        duration_s: Includes the settling time.
        settle_s: The beginning that is not evaluated, until the queue is stable.
        rest: Drain the queue before it. Confirming windows follow one another without a
            rest, so that a limiter's burst does not refill.
    """

    number: int
    rate_per_s: float
    duration_s: float
    settle_s: float
    purpose: Purpose
    rest: bool = True


@dataclass(frozen=True, slots=True)
class Block:
    """
    The arrivals intended within about one second of a step.

    Attributes:
        start_s: Since the step's start.
        bad, total: Bad events and events, one number per criterion.
        response_s: Mean response time of the ok attempts; NaN without any.
    """

    start_s: float
    length_s: float
    bad: tuple[int, ...]
    total: tuple[int, ...]
    response_s: float


@dataclass(frozen=True, slots=True)
class StepResult:
    """
    The result of a step.

    Attributes:
        blocks: In order of time, settling included.
        offered: Calls begun; an arrival may make several.
        completed_per_s: Ok attempts that *ended* within the step, per second.
        outcomes: Attempts by outcome.
        p50_ms, p99_ms: Response time of the ok attempts after settling; NaN without any.
        p99_low_ms, p99_high_ms: The interval of the p99 (`order_statistics`).
        saturated: The generator was the bottleneck: the step is void.
    """

    step: Step
    blocks: tuple[Block, ...]
    offered: int
    completed_per_s: float
    outcomes: Mapping[str, int] = field(default_factory=dict)
    p50_ms: float = float("nan")
    p99_ms: float = float("nan")
    p99_low_ms: float = float("nan")
    p99_high_ms: float = float("nan")
    saturated: bool = False

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
    """
    The objectives as criteria of a search.

    Raises:
        UsageError: There is none, or one is not an upper limit on a share of bad events.
    """
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
