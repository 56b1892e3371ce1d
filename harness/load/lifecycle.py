"""
Conductors: who says when the load begins and ends in a process.

Locust's own end loses things: its master leaves half a second after telling workers
to quit, whatever they still have to say. So the end is ours: the conductor waits
for the load to finish, has everything swept and handed in, and only then lets
Locust quit.
"""

from __future__ import annotations

import logging
from typing import Any, Protocol

import gevent
from gevent.lock import RLock

from harness.clock import unix_ns
from harness.exit_codes import Exit
from harness.load.config import Orders
from harness.load.generator import Generator
from harness.load.progress import Progress
from harness.load.trial_writer import Collector
from harness.trial.schema import Event
from harness.units import NS_PER_MS

START_DELAY_NS = 100 * NS_PER_MS
CRASHES_TOLD = 5

log = logging.getLogger(__name__)


class Conductor(Protocol):
    """
    Begins and ends the load of one process.

    Attributes:
        orders: What is to be done.
        generator: Makes the load; None on a master.
    """

    orders: Orders
    generator: Generator | None

    def go(self) -> None:
        """All users are there: begin."""

    def finish(self) -> None:
        """End in order, whoever asks; a second call waits for the first."""

    def crashed(self, text: str) -> None:
        """A scenario raised; ``text`` is its traceback."""


class CollectorSink:
    """A sink beside the collector: the local process."""

    def __init__(self, collector: Collector) -> None:
        self.batch = collector.batch
        self.event = collector.event
        self.end = collector.end


class LocalConductor:
    """Generator and collector in one process."""

    def __init__(
        self, runner: Any, orders: Orders, collector: Collector, *, headless: bool
    ) -> None:
        self.orders = orders
        self.collector = collector
        self.generator: Generator | None = Generator(
            orders.spec, orders.plan, orders.key, CollectorSink(collector)
        )
        self._runner = runner
        self._headless = headless
        self._ending = RLock()
        self._finished = False
        self._complete = False
        self._crashes = 0
        collector.on_failure = lambda: gevent.spawn(give_up, self, runner, headless=headless)
        collector.progress.on_orphaned = collector.on_failure

    def go(self) -> None:
        """Begin, a moment from now."""
        assert self.generator is not None
        if self.generator.ready.is_set():
            return
        start_ns = unix_ns() + START_DELAY_NS
        self.collector.start(start_ns)
        self.generator.go(start_ns)
        gevent.spawn(self._run)
        gevent.spawn(report_often, self.collector)

    def _run(self) -> None:
        assert self.generator is not None
        self.generator.join()
        self._complete = True
        self.finish()
        quit_or_stop(self._runner, headless=self._headless)

    def finish(self) -> None:
        """End in order."""
        assert self.generator is not None
        with self._ending:
            if self._finished:
                return
            # The end of the generator lets `_run` go on, which would call the load complete.
            interrupted = not self._complete
            ledger = self.generator.ledger
            self.collector.progress.note = lambda: closing_note(len(ledger.open))
            self.generator.finish()
            self.collector.finish(interrupted=interrupted)
            self.collector.progress.write()
            self._finished = True

    def crashed(self, text: str) -> None:
        """Tell the first few crashes in full, all of them by number."""
        self._crashes += 1
        tell_crash(self.collector, self._runner.environment, "local", text, self._crashes)


def report_often(collector: Collector) -> None:
    """Write the live figures and flush the parts once a second, until the end."""
    while not collector.finished:
        collector.progress.write()
        collector.flush()
        gevent.sleep(1.0)


def tell_often(progress: Progress) -> None:
    """Write the live figures once a second, until killed."""
    while True:
        gevent.sleep(1.0)
        progress.write()


def closing_note(sessions: int) -> str:
    """What the live line says while the sweep is under way."""
    return f"closing {sessions} sessions" if sessions else "finishing"


def tell_crash(
    collector: Collector, environment: Any, worker: str, text: str, count: int
) -> None:
    """Write a scenario's crash into the events, and make Locust's exit code tell."""
    environment.process_exit_code = int(Exit.UNKNOWN)
    if count <= CRASHES_TOLD:
        log.error("a scenario raised:\n%s", text)
        data = {"text": "scenario crashed", "traceback": text[-4000:], "count": count}
        collector.event(Event(unix_ns(), "note", worker, data))


def give_up(conductor: Conductor, runner: Any, *, headless: bool) -> None:
    """Nothing can be written, or nobody reads: have everything closed, and go."""
    runner.environment.process_exit_code = int(Exit.UNKNOWN)
    conductor.finish()
    quit_or_stop(runner, headless=headless)


def quit_or_stop(runner: Any, *, headless: bool) -> None:
    """Let Locust go, or only stop its test where its web page stays."""
    if headless:
        runner.quit()
    else:
        runner.stop()
