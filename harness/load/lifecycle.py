"""
Begin and end of the load in a process.

Locust's own coordinator leaves half a second after it tells workers to quit, and loses what they
send later. So the lifecycle waits for the load to finish, closes sessions, collects all batches,
and only then lets Locust quit.
"""

from __future__ import annotations

import logging
from typing import Any, Protocol

import gevent
from gevent.lock import RLock

from harness.clock import unix_ns
from harness.exit_codes import ExitCode
from harness.load.config import LoadConfig
from harness.load.generator import LoadGenerator
from harness.load.progress import Progress
from harness.load.trial_writer import TrialWriter
from harness.trial.schema import Event
from harness.units import NS_PER_MS

START_DELAY_NS = 100 * NS_PER_MS
CRASHES_LOGGED_MAX = 5

log = logging.getLogger(__name__)


class LoadLifecycle(Protocol):
    """
    Begins and ends the load of one process.

    Attributes:
        generator: Makes the load; None on a coordinator.
    """

    config: LoadConfig
    generator: LoadGenerator | None

    def start(self) -> None:
        """Begin: all users are spawned."""

    def finish(self) -> None:
        """End in order; a second call waits for the first."""

    def on_crash(self, text: str) -> None:
        """Record a scenario's exception; ``text`` is its traceback."""


class LocalLifecycle:
    """Generator and trial writer in one process."""

    def __init__(
        self, runner: Any, config: LoadConfig, writer: TrialWriter, *, headless: bool
    ) -> None:
        self.config = config
        self.writer = writer
        self.generator: LoadGenerator | None = LoadGenerator(
            config.spec, config.plan, config.key, writer
        )
        self._runner = runner
        self._headless = headless
        self._finish_lock = RLock()
        self._finished = False
        self._complete = False
        self._crashes = 0
        writer.on_failure = lambda: gevent.spawn(abort, self, runner, headless=headless)
        writer.progress.on_orphaned = writer.on_failure

    def start(self) -> None:
        """Begin after `START_DELAY_NS`."""
        assert self.generator is not None
        if self.generator.ready.is_set():
            return
        start_ns = unix_ns() + START_DELAY_NS
        self.writer.start(start_ns)
        self.generator.start(start_ns)
        gevent.spawn(self._run)
        gevent.spawn(report_periodically, self.writer)

    def _run(self) -> None:
        assert self.generator is not None
        self.generator.join()
        self._complete = True
        self.finish()
        quit_or_stop(self._runner, headless=self._headless)

    def finish(self) -> None:
        """End in order."""
        assert self.generator is not None
        with self._finish_lock:
            if self._finished:
                return
            # When the generator ends, `_run` continues and would mark the load complete.
            interrupted = not self._complete
            ledger = self.generator.ledger
            self.writer.progress.note = lambda: closing_note(len(ledger.open))
            self.generator.finish()
            self.writer.finish(interrupted=interrupted)
            self.writer.progress.write()
            self._finished = True

    def on_crash(self, text: str) -> None:
        """Log the first few crashes, count all."""
        self._crashes += 1
        record_crash(self.writer, self._runner.environment, "local", text, self._crashes)


def report_periodically(writer: TrialWriter) -> None:
    """Write live metrics and flush the parts once a second, until the end."""
    while not writer.finished:
        writer.progress.write()
        writer.flush()
        gevent.sleep(1.0)


def write_progress_periodically(progress: Progress) -> None:
    """Write live metrics once a second, until killed."""
    while True:
        gevent.sleep(1.0)
        progress.write()


def closing_note(sessions: int) -> str:
    """The note of the live metrics during cleanup."""
    return f"closing {sessions} sessions" if sessions else "finishing"


def record_crash(writer: TrialWriter, environment: Any, worker: str, text: str, count: int) -> None:
    """Write a scenario's crash to the events; Locust exits with UNKNOWN."""
    environment.process_exit_code = int(ExitCode.UNKNOWN)
    if count <= CRASHES_LOGGED_MAX:
        log.error("a scenario raised:\n%s", text)
        data = {"text": "scenario crashed", "traceback": text[-4000:], "count": count}
        writer.event(Event(unix_ns(), "note", worker, data))


def abort(lifecycle: LoadLifecycle, runner: Any, *, headless: bool) -> None:
    """End in order after a write error or the loss of the reader."""
    runner.environment.process_exit_code = int(ExitCode.UNKNOWN)
    lifecycle.finish()
    quit_or_stop(runner, headless=headless)


def quit_or_stop(runner: Any, *, headless: bool) -> None:
    """Quit Locust, or only stop its test if its web page stays."""
    if headless:
        runner.quit()
    else:
        runner.stop()
