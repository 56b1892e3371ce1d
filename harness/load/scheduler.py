"""
Schedulers: where users take their next arrival.

Open model: one queue before one gate. The user at the gate waits for the next intended start,
takes it, and lets the next user step up (the leader-follower pattern). Arrivals are taken in
order: on time while a user is free, else late, but never dropped. Closed model: each user pauses,
then takes the next number.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import takewhile
from random import Random

import msgspec
from gevent.event import Event as Flag
from gevent.lock import Semaphore

from harness.clock import unix_ns
from harness.load.timer import Timer
from harness.plan.arrivals import Phase, starts_ns
from harness.units import NS_PER_MS, NS_PER_S

LATE_NS = 10 * NS_PER_MS
"""A start this long after its intended time counts as late."""


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """
    One planned start (Unix ns), taken by a user.

    ``number`` is its place in the plan; payloads are a function of it and the seed.
    """

    number: int
    intended_ns: int
    phase: str


class Scheduler(ABC):
    """
    Hands out arrivals.

    Attributes:
        started: Arrivals taken.
        late: Those taken more than `LATE_NS` after their intended time.
        late_by_generator: Late arrivals for which a user was free in time: the generator was
            slow, not the pool of users too small.
        in_flight: Arrivals taken and not yet ended.
        finished: Set when no arrivals are left.
    """

    def __init__(self) -> None:
        self.started = self.late = self.late_by_generator = self.in_flight = 0
        self.finished = Flag()

    @abstractmethod
    def next_arrival(self) -> Arrival | None:
        """Wait for the next arrival; None when the load is over."""

    def arrival_done(self) -> None:
        """End an arrival that was taken."""
        self.in_flight -= 1

    def stop(self) -> None:
        """Hand out no more; waiting users get None."""
        self.finished.set()

    def unstarted(self) -> int:
        """Arrivals that came due and were never taken; call it once, after `stop`."""
        return 0


def local_start_ns(announced_ns: int, now_ns: int, lead_ns: int) -> int:
    """
    When a worker's plan starts by its own clock.

    The coordinator announces a start up to `lead_ns` ahead. One that is past, or much further
    ahead, shows a clock difference and is not used: it would make arrivals late.
    """
    is_plausible = now_ns <= announced_ns <= now_ns + 2 * lead_ns
    return announced_ns if is_plausible else now_ns + lead_ns


class ArrivalRateScheduler(Scheduler):
    """Hands out the arrivals of a schedule at their times; see `Scheduler`."""

    def __init__(
        self, phases: Sequence[Phase], seed: int, share: tuple[int, int], start_ns: int
    ) -> None:
        super().__init__()
        self._names = [phase.name for phase in phases]
        self._schedule = starts_ns(phases, seed, share=share)
        self._start_ns = start_ns
        self._gate = Semaphore()
        self._timer = Timer()

    def next_arrival(self) -> Arrival | None:
        """Wait for the next arrival; None when the load is over."""
        with self._gate:
            if self.finished.is_set():
                return None
            arrived_ns = unix_ns()
            item = next(self._schedule, None)
            if item is None:
                self.finished.set()
                return None
            number, offset_ns, phase = item
            intended_ns = self._start_ns + offset_ns
            if intended_ns > arrived_ns:
                self._timer.wait_until(intended_ns)
                if self.finished.is_set() and unix_ns() < intended_ns:
                    return None
        self.started += 1
        self.in_flight += 1
        if unix_ns() - intended_ns > LATE_NS:
            self.late += 1
            if arrived_ns <= intended_ns:
                self.late_by_generator += 1
        return Arrival(number, intended_ns, self._names[phase])

    def stop(self) -> None:
        """Hand out no more; waiting users get None."""
        super().stop()
        self._timer.wake()

    def unstarted(self) -> int:
        """Arrivals that came due and were never taken; call it once, after `stop`."""
        now_ns = unix_ns()
        due = takewhile(lambda item: self._start_ns + item[1] <= now_ns, self._schedule)
        return sum(1 for _ in due)


class ClosedScheduler(Scheduler):
    """Hands out iterations to users who pause between them; see `Scheduler`."""

    def __init__(
        self, phases: Sequence[Phase], seed: int, share: tuple[int, int], start_ns: int,
        wait_s: tuple[float, float],
    ) -> None:  # fmt: skip
        super().__init__()
        self._number, self._step = share
        self._wait_s = wait_s
        self._rng = Random(f"{seed}/wait/{share[0]}")
        self._phase = phases[0].name
        self._later: list[tuple[int, str]] = []
        end_ns = start_ns
        for position, phase in enumerate(phases):
            if position:
                self._later.append((end_ns, phase.name))
            end_ns += phase.duration_ns
        self._end_ns = end_ns
        self._start_ns = start_ns

    def next_arrival(self) -> Arrival | None:
        """Pause, then take the next number; None when the load is over."""
        now_ns = unix_ns()
        wait_s = max(0.0, (self._start_ns - now_ns) / NS_PER_S)
        if self._wait_s[1] > 0:
            wait_s += self._rng.uniform(*self._wait_s)
        if wait_s > 0:
            self.finished.wait(wait_s)
            now_ns = unix_ns()
        if now_ns >= self._end_ns:
            self.finished.set()
        if self.finished.is_set():
            return None
        while self._later and now_ns >= self._later[0][0]:
            self._phase = self._later.pop(0)[1]
        number = self._number
        self._number = number + self._step
        self.started += 1
        self.in_flight += 1
        return Arrival(number, now_ns, self._phase)
