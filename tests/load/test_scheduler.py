"""Turnstiles under a clock of our own: what is late, whose fault it is, what was never begun."""

from __future__ import annotations

import pytest

from harness.load import scheduler as schedulers
from harness.load.scheduler import ArrivalRateScheduler, ClosedScheduler
from harness.plan.arrivals import Phase
from harness.units import NS_PER_MS, NS_PER_S

START_NS = 1_700_000_000 * NS_PER_S
TEN = [Phase("load", 10 * NS_PER_S, 1.0, 1.0)]
"""An arrival a second, for ten seconds."""


class Clock:
    """Time that passes when somebody waits for it."""

    def __init__(self):
        self.now_ns = START_NS
        self.oversleep_ns = 0
        self.on_wait = None

    def wait_until(self, when_ns):
        """Wait, as an alarm does; `on_wait` may come in between."""
        if self.on_wait is not None:
            self.on_wait()
            return
        self.now_ns = max(self.now_ns, when_ns) + self.oversleep_ns

    def wake(self):
        """End a wait."""


@pytest.fixture
def clock(monkeypatch):
    """The schedulers' clock and timer."""
    clock = Clock()
    monkeypatch.setattr(schedulers, "unix_ns", lambda: clock.now_ns)
    monkeypatch.setattr(schedulers, "Timer", lambda: clock)
    return clock


def open_(share=(0, 1)):
    """The open scheduler of `TEN`."""
    return ArrivalRateScheduler(TEN, 1, share, START_NS)


def test_arrivals_come_in_order_at_their_times(clock):
    """All of a share, then none."""
    gate, taken = open_((1, 3)), []
    while (arrival := gate.next_arrival()) is not None:
        taken.append((arrival.number, (arrival.intended_ns - START_NS) // NS_PER_S))
        gate.arrival_done()

    assert [(1, 1), (4, 4), (7, 7)] == taken
    assert (3, 0, 0, 0) == (gate.started, gate.late, gate.late_by_generator, gate.in_flight)
    assert gate.finished.is_set()
    assert 0 == gate.unstarted()
    assert clock.now_ns == START_NS + 7 * NS_PER_S


@pytest.mark.parametrize(("late_ms", "late"), [(10, 0), (11, 1)])
def test_a_start_is_late_beyond_ten_milliseconds(clock, late_ms, late):
    """Counted, whoever is to blame: here the generator, for a user was there in time."""
    gate = open_()
    clock.oversleep_ns = late_ms * NS_PER_MS
    clock.now_ns -= NS_PER_S
    gate.next_arrival()

    assert (late, late) == (gate.late, gate.late_by_generator)


def test_arrivals_that_found_no_user_are_late_but_not_the_generators_fault(clock):
    """Three came due while no user was free: they are taken one by one, none is left out."""
    gate = open_()
    clock.now_ns += 2_500 * NS_PER_MS
    numbers = [gate.next_arrival().number for _ in range(4)]

    assert [0, 1, 2, 3] == numbers
    assert (3, 0) == (gate.late, gate.late_by_generator)
    assert 4 == gate.in_flight


def test_a_stop_while_waiting_begins_nothing(clock):
    """The arrival that was waited for is not due yet: neither begun nor missed."""
    gate = open_()
    gate.next_arrival()
    clock.on_wait = gate.stop

    assert gate.next_arrival() is None
    assert gate.next_arrival() is None
    assert (1, 0) == (gate.started, gate.unstarted())


def test_what_came_due_and_was_never_begun_is_counted(clock):
    """At 3.5 s four of them: those of 0, 1, 2 and 3 s."""
    gate = open_()
    clock.now_ns += 3_500 * NS_PER_MS
    gate.stop()

    assert 4 == gate.unstarted()


@pytest.mark.parametrize(
    ("announced_ms", "starts_ms"),
    [(480, 480), (0, 0), (1000, 1000), (-1, 500), (-1900, 500), (1001, 500), (45_000, 500)],
)
def test_a_worker_whose_clock_is_off_starts_by_its_own(announced_ms, starts_ms):
    """Else its first arrivals would be late by the difference, and the target be blamed."""
    announced_ns = START_NS + announced_ms * NS_PER_MS
    start_ns = schedulers.local_start_ns(announced_ns, START_NS, NS_PER_S // 2)

    assert starts_ms * NS_PER_MS == start_ns - START_NS


def closed(wait_s=(0.0, 0.0), share=(0, 1)):
    """Two phases of 5 s."""
    phases = [Phase(name, 5 * NS_PER_S, 0.0, 0.0) for name in ("one", "two")]
    return ClosedScheduler(phases, 1, share, START_NS, wait_s)


def test_a_round_belongs_to_the_phase_in_which_it_begins(clock):
    """At an edge to the later one; at the very end there is none."""
    gate, phases = closed(), []
    for at_ns in (0, 5 * NS_PER_S - 1, 5 * NS_PER_S, 10 * NS_PER_S - 1, 10 * NS_PER_S):
        clock.now_ns = START_NS + at_ns
        arrival = gate.next_arrival()
        phases.append(arrival and arrival.phase)

    assert ["one", "one", "two", "two", None] == phases
    assert (4, 0) == (gate.started, gate.unstarted())
    assert gate.finished.is_set()


def test_rounds_of_several_workers_have_numbers_of_their_own(clock):
    """Worker 1 of 3 takes 1, 4, 7: payloads are functions of them."""
    gate = closed(share=(1, 3))
    assert clock.now_ns == START_NS

    assert [1, 4, 7] == [gate.next_arrival().number for _ in range(3)]


def test_a_stop_ends_a_users_pause(clock):
    """Whoever pauses gets nothing more, and does not wait for the pause to end."""
    gate = closed(wait_s=(3600.0, 3600.0))
    gate.stop()

    assert gate.next_arrival() is None
    assert 0 == gate.started
    assert clock.now_ns == START_NS
