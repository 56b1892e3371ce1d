"""
Begin and end of the load in a process.

Locust's own coordinator leaves half a second after its order to quit, and loses what workers
send later. So the lifecycle waits for the load to finish, closes sessions, collects all batches,
and only then lets Locust quit.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import Any, Protocol

import gevent
from gevent.lock import RLock

from harness.clock import unix_ns
from harness.exit_codes import ExitCode
from harness.load.config import LoadConfig
from harness.load.generator import LoadGenerator
from harness.load.trial_writer import TrialWriter
from harness.trial.schema import Event
from harness.units import NS_PER_MS

START_DELAY_NS = 100 * NS_PER_MS
CRASHES_LOGGED_MAX = 5

log = logging.getLogger(__name__)


class LoadLifecycle(Protocol):
    """Begins and ends the load of one process; a coordinator has no generator."""

    config: LoadConfig
    generator: LoadGenerator | None

    def start(self) -> None:
        """Begin: all users are spawned."""

    def finish(self) -> None:
        """End in order; a second call waits for the first."""

    def on_crash(self, text: str) -> None:
        """Record a scenario's exception; ``text`` is its traceback."""


class RecordedLifecycle(ABC):
    """What the local process and the coordinator share: both write the trial."""

    def __init__(
        self, runner: Any, config: LoadConfig, writer: TrialWriter, *, headless: bool
    ) -> None:
        self.config = config
        self.writer = writer
        self.generator: LoadGenerator | None = None
        self._runner = runner
        self._headless = headless
        self._finish_lock = RLock()
        self._complete = self._finished = False
        self._crashes = 0
        writer.on_failure = writer.progress.on_orphaned = lambda: gevent.spawn(self._abort)

    def begin(self, start_ns: int) -> None:
        """Start the trial's clock, the load, and what runs beside it."""
        self.writer.start(start_ns)
        gevent.spawn(self.run)
        gevent.spawn(self._report_periodically)

    @abstractmethod
    def run(self) -> None:
        """Wait for the end of the load, then call `complete`."""

    @abstractmethod
    def end_generators(self) -> None:
        """End every generator in order."""

    def complete(self, *, ran: bool = True) -> None:
        """End a load that nothing interrupted, and Locust; its web page stays if there is one."""
        self._complete = ran
        self.finish()
        self._quit()

    def finish(self) -> None:
        """End in order, and write the end of the trial."""
        with self._finish_lock:
            if self._finished:
                return
            # When the generators end, `run` continues and would mark the load complete.
            interrupted = not self._complete
            self.end_generators()
            self.writer.finish(interrupted=interrupted)
            self.writer.progress.write()
            self._finished = True

    def record_crash(self, worker: str, text: str) -> None:
        """Count a scenario's crash, and log the first few; Locust exits with UNKNOWN."""
        self._crashes += 1
        self._runner.environment.process_exit_code = int(ExitCode.UNKNOWN)
        if self._crashes <= CRASHES_LOGGED_MAX:
            log.error("a scenario raised:\n%s", text)
            data = {"text": "scenario crashed", "traceback": text[-4000:], "count": self._crashes}
            self.writer.event(Event(unix_ns(), "note", worker, data))

    def _abort(self) -> None:
        """End in order after a write error or the loss of the reader."""
        self._runner.environment.process_exit_code = int(ExitCode.UNKNOWN)
        self.finish()
        self._quit()

    def _quit(self) -> None:
        if self._headless:
            self._runner.quit()
        else:
            self._runner.stop()

    def _report_periodically(self) -> None:
        """Write live metrics and flush the parts once a second, until the end."""
        while not self.writer.finished:
            self.writer.progress.write()
            self.writer.flush()
            gevent.sleep(1.0)


class LocalLifecycle(RecordedLifecycle):
    """Generator and trial writer in one process."""

    def __init__(
        self, runner: Any, config: LoadConfig, writer: TrialWriter, *, headless: bool
    ) -> None:
        super().__init__(runner, config, writer, headless=headless)
        self._own = self.generator = LoadGenerator(config.spec, config.plan, config.key, writer)

    def start(self) -> None:
        """Begin after `START_DELAY_NS`."""
        if not self._own.ready.is_set():
            start_ns = unix_ns() + START_DELAY_NS
            self.begin(start_ns)
            self._own.start(start_ns)

    def run(self) -> None:
        """Wait until all arrivals have ended."""
        self._own.join()
        self.complete()

    def end_generators(self) -> None:
        """Close the sessions, and send the last batch."""
        ledger = self._own.ledger
        self.writer.progress.note = lambda: (
            f"closing {len(ledger.open)} sessions" if ledger.open else "finishing"
        )
        self._own.finish()

    def on_crash(self, text: str) -> None:
        """Record the crash."""
        self.record_crash("local", text)
