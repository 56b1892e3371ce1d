"""
State of a measurement: observations, remaining budget, time.

The only clock is the observations: "now" is the time of the last response. The delay until
the next experiment's start is learnt from earlier ones.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import numpy as np

from harness.experiments.rate_limit.designs import (
    Experiment,
    PlannedRequest,
    make_experiment,
    requests_at,
    spaced_requests,
)
from harness.experiments.rate_limit.observations import Observation
from harness.units import NS_PER_S

ObservingSteps = Generator[Experiment, Sequence[Observation], Sequence[Observation]]


class BudgetSpentError(Exception):
    """The budget of attempts or of time is spent."""


@dataclass(slots=True)
class ExperimentSession:
    """State of one measurement; see `harness.experiments.rate_limit.lab.LabConfig`."""

    operation: str
    other_operation: str
    second_key: bool
    max_rate_per_s: float
    attempts_left: int
    seconds_left: float
    observations: list[Observation] = field(default_factory=list)
    ended: str = ""
    send_delays_s: list[float] = field(default_factory=lambda: [0.01])

    @property
    def now_s(self) -> float:
        """Time of the last response, Unix seconds."""
        return max((o.received_ns for o in self.observations[-400:]), default=0) / NS_PER_S

    def record(self, observations: Sequence[Observation]) -> None:
        """Add the observations of an experiment."""
        if not observations:
            return
        before_s, first_s = self.now_s, min(o.sent_ns for o in observations) / NS_PER_S
        start = min(observations, key=lambda o: o.sent_ns)
        if self.observations:
            self.send_delays_s.append(first_s - start.intended_ns / NS_PER_S - before_s)
        self.observations.extend(observations)
        self.attempts_left -= len(observations)
        self.seconds_left -= self.now_s - (before_s or first_s)

    def send(self, name: str, why: str, requests: Sequence[PlannedRequest]) -> ObservingSteps:
        """Send the requests that the budget allows; BudgetSpentError if it allows none."""
        if self.attempts_left <= 0:
            raise BudgetSpentError("the budget of attempts is spent")
        if self.seconds_left <= 0:
            raise BudgetSpentError("the budget of time is spent")
        within = [s for s in requests if s.intended_ns < (self.seconds_left + 2) * NS_PER_S]
        if not within:
            raise BudgetSpentError("the budget of time is spent")
        return (yield make_experiment(name, why, within[: self.attempts_left]))

    def offset_until(self, at_s: float) -> float:
        """Offset of an absolute time from now, less the usual send delay."""
        lag = float(np.median(self.send_delays_s[-15:]))
        return max(0.0, at_s - self.now_s - lag)

    def burst(self, count: int, *, name: str, why: str, after_s: float = 0.0) -> ObservingSteps:
        """``count`` concurrent requests."""
        requests = spaced_requests(self.operation, count, at_s=after_s)
        return (yield from self.send(name, why, requests))

    def drain(self, about: float, *, name: str, why: str, after_s: float = 0.0) -> ObservingSteps:
        """Bursts until three requests are refused; all their observations."""
        seen: list[Observation] = []
        portion = max(3, min(12, math.ceil(about) + 3))
        while refused(seen) < 3:
            portion = max(3, min(portion, self.attempts_left))
            seen += yield from self.burst(portion, name=name, why=why, after_s=after_s)
            after_s = 0.0
            portion = min(60, max(6, math.ceil(about) + 3 - accepted(seen)))
            if len(seen) > 4 * about + 80:
                break
        return seen

    def poll(
        self, times_s: Sequence[float], *, name: str, why: str, portion: int = 3
    ) -> ObservingSteps:
        """Single requests at absolute times, a few per experiment, until one passes."""
        seen: list[Observation] = []
        for i in range(0, len(times_s), portion):
            chunk = times_s[i : i + portion]
            offsets = [self.offset_until(at) for at in chunk]
            spread = [max(o, k * 1e-3) for k, o in enumerate(offsets)]
            requests = requests_at(self.operation, spread)
            seen += yield from self.send(name, why, requests)
            if accepted(seen):
                break
        return seen


def accepted(observations: Sequence[Observation]) -> int:
    """How many passed."""
    return sum(o.accepted is True for o in observations)


def refused(observations: Sequence[Observation]) -> int:
    """How many were refused."""
    return sum(o.accepted is False for o in observations)


def midpoint_s(observation: Observation) -> float:
    """Half-way between sending and answer, Unix seconds."""
    return (observation.sent_ns + observation.received_ns) / 2 / NS_PER_S
