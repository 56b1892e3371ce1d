"""
The words of the throughput search: steps asked for, results told, criteria applied.

A step offers one arrival rate (open model) for a while. Its result is cut into blocks of
about a second by the arrivals' *intended* time, because a queue's bad events come in
bursts: the blocks show how independent they are, and whether the backlog grows.
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
    An objective as a share: at most `allowance` of the events may be bad.

    Attributes:
        name: The objective's source text.
        error_budget: The share of bad events that it allows, 0 … 1.
        limit_s: The latency limit in seconds; None where it is not about latency.
    """

    name: str
    error_budget: float
    limit_s: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """
    What to offer next.

    Attributes:
        number: Counts from 1.
        rate_per_s: Arrivals a second.
        duration_s: How long, settling included.
        settle_s: The beginning that is not judged: the queue finds its level.
        purpose: Why.
        rest: Whether the queue must be drained before it. Windows that confirm follow
            one another without a rest: a limiter's burst must not refill in between.
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
    The arrivals that a step intended within about one second.

    Attributes:
        start_s: Seconds since the step's start.
        length_s: Its length.
        bad: Bad events, one number a criterion.
        total: Events, one number a criterion.
        response_s: Mean response time of the ok attempts; NaN when there was none.
    """

    start_s: float
    length_s: float
    bad: tuple[int, ...]
    total: tuple[int, ...]
    response_s: float


@dataclass(frozen=True, slots=True)
class StepResult:
    """
    What came of a step.

    Attributes:
        step: The step.
        blocks: In order of time, settling included.
        offered: Calls begun; an arrival may make several.
        completed_per_s: Ok attempts that *ended* within the step, a second.
        outcomes: Attempts by outcome.
        p50_ms, p99_ms: Response time of the ok attempts after settling; NaN when none.
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
        """
        Arrivals a second that were served within the step: the share of its calls that
        ended ok in time, of the rate offered; NaN without a call.
        """
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
        UsageError: There is none, or one is no upper limit on a share of bad events.
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
