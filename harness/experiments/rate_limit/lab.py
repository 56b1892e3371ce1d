"""
The lab: decides which probe comes next, and when it knows enough.

A pure state machine: `Lab.next` hands out a probe, `Lab.record` takes what came of
it, nothing reads a clock. The steps are written straight down as generators in
`harness.experiments.rate_limit.strategy`; here are the budget, the clock of the
observations, and the ways to stop.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from harness.experiments.rate_limit.designs import Experiment
from harness.experiments.rate_limit.observations import Observation
from harness.experiments.rate_limit.report import RateLimitReport, describe
from harness.experiments.rate_limit.strategy import BudgetSpentError, ExperimentSession, explore

_DEAD_PROBES = 3
_DEAD_SHOTS = 5


class Budget(NamedTuple):
    """What the lab expects to need, said before it starts."""

    attempts_expected: int
    attempts_most: int
    seconds_expected: float
    seconds_most: float


@dataclass(slots=True)
class LabConfig:
    """
    What the lab may do.

    Attributes:
        operation: The operation that is measured.
        max_attempts: Requests it may send.
        max_seconds: About how long it may go on (a probe under way is finished).
        max_rate_per_s: The fastest that requests can be sent.
        other_operation: For the question whether operations share the limit; "" skips it.
        second_key: Whether there is a second key to compare.
    """

    operation: str = "import_selector_cache"
    max_attempts: int = 2000
    max_seconds: float = 180.0
    max_rate_per_s: float = 1500.0
    other_operation: str = ""
    second_key: bool = False


class Lab:
    """Adaptive measurement of one limiter; drive it with `next` and `record`."""

    def __init__(self, setup: LabConfig | None = None) -> None:
        self._config = setup or LabConfig()
        self._session = ExperimentSession(
            operation=self._config.operation,
            other_operation=self._config.other_operation,
            second_key=self._config.second_key,
            max_rate_per_s=self._config.max_rate_per_s,
            attempts_left=self._config.max_attempts,
            seconds_left=self._config.max_seconds,
        )
        self._steps: Generator[Experiment, Sequence[Observation], None] | None = explore(
            self._session
        )
        self._asked: Experiment | None = None
        self._results: Sequence[Observation] | None = None
        self._silent_experiments = 0
        self._ended = ""

    def budget(self) -> Budget:
        """What to expect, before anything is sent."""
        most = self._config.max_attempts
        return Budget(
            min(most, 900), most, min(60.0, self._config.max_seconds), self._config.max_seconds
        )

    @property
    def attempts(self) -> int:
        """Requests that were sent so far."""
        return len(self._session.observations)

    @property
    def attempts_left(self) -> int:
        """Requests of the budget that were not needed."""
        return self._session.attempts_left

    def next(self) -> Experiment | None:
        """
        The next probe to send, or None when the lab has finished.

        Raises:
            ValueError: The last probe's observations were not told yet.
        """
        if self._asked is not None and self._results is None:
            msg = "tell() the last probe's observations before asking for the next probe"
            raise ValueError(msg)
        if self._steps is None:
            return None
        try:
            if self._asked is None or self._results is None:
                experiment = next(self._steps)
            else:
                results, self._results = self._results, None
                experiment = self._steps.send(results)
        except StopIteration:
            self._finish(self._session.ended or "finished")
            return None
        except BudgetSpentError as stop:
            self._finish(str(stop))
            return None
        self._asked = experiment
        return experiment

    def record(self, observations: Sequence[Observation]) -> None:
        """
        Take what came of the last probe; an empty list means that nothing was sent.

        Raises:
            ValueError: No probe is waiting.
        """
        if self._asked is None or self._results is not None:
            msg = "no probe is waiting to be told about; call next() first"
            raise ValueError(msg)
        self._results = list(observations)
        self._session.record(self._results)
        lost = bool(observations) and all(o.accepted is None for o in observations)
        self._silent_experiments = self._silent_experiments + 1 if lost or not observations else 0
        requests = sum(o.accepted is None for o in self._session.observations[-_DEAD_SHOTS:])
        if self._silent_experiments >= _DEAD_PROBES and (
            requests == _DEAD_SHOTS or not observations
        ):
            self._finish("the server stopped answering")

    def result(self) -> RateLimitReport:
        """What is known so far; complete once `next` has returned None."""
        return describe(
            self._session.observations,
            operation=self._config.operation,
            ended=self._ended or "not finished",
            stopped_answering=self._ended == "the server stopped answering",
        )

    def _finish(self, why: str) -> None:
        self._ended = why
        if self._steps is not None:
            self._steps.close()
        self._steps = None
        self._asked, self._results = None, None
