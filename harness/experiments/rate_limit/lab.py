"""
The lab as a pure state machine: `Lab.next` gives an experiment, `Lab.record` takes its result.

The steps are generators in `harness.experiments.rate_limit.strategy`; this module has the
budget and the conditions to stop.
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
    """The lab's expected and largest cost."""

    attempts_expected: int
    attempts_most: int
    seconds_expected: float
    seconds_most: float


@dataclass(slots=True)
class LabConfig:
    """Bounds of the measurement."""

    operation: str = "import_selector_cache"  # The measured operation
    max_attempts: int = 2000  # Most requests to send
    max_seconds: float = 180.0  # Approximate limit; a running experiment is completed
    max_rate_per_s: float = 1500.0  # Highest send rate
    other_operation: str = ""  # Tests whether operations share the limit; "" skips that
    second_key: bool = False  # Whether a second key is available for comparison


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
        """The cost, before anything is sent."""
        most = self._config.max_attempts
        return Budget(
            min(most, 900), most, min(60.0, self._config.max_seconds), self._config.max_seconds
        )

    @property
    def attempts(self) -> int:
        """Requests sent so far."""
        return len(self._session.observations)

    @property
    def attempts_left(self) -> int:
        """Requests left in the budget."""
        return self._session.attempts_left

    def next(self) -> Experiment | None:
        """The next experiment; None at the end; ValueError before the last one is recorded."""
        if self._asked is not None and self._results is None:
            msg = "record() the last experiment's observations before the next one"
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
        Take the pending experiment's observations (empty if nothing was sent), else ValueError.
        """
        if self._asked is None or self._results is not None:
            msg = "no experiment is pending; call next() first"
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
        """The current report; complete once `next` gives None."""
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
