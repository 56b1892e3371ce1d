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
        config: What is to be done.
        generator: Makes the load; None on a master.
    """

    config: LoadConfig
    generator: LoadGenerator | None

    def start(self) -> None:
        """All users are there: begin."""

    def finish(self) -> None:
        """End in order, whoever asks; a second call waits for the first."""

    def on_crash(self, text: str) -> None:
        """A scenario raised; ``text`` is its traceback."""


class LocalSink:
    """A sink beside the collector: the local process."""

    def __init__(self, writer: TrialWriter) -> None:
        self.batch = writer.batch
        self.event = writer.event
        self.end = writer.end


class LocalLifecycle:
    """Generator and collector in one process."""

    def __init__(
        self, runner: Any, config: LoadConfig, writer: TrialWriter, *, headless: bool
    ) -> None:
        self.config = config
        self.writer = writer
        self.generator: LoadGenerator | None = LoadGenerator(
            config.spec, config.plan, config.key, LocalSink(writer)
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
        """Begin, a moment from now."""
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
            # The end of the generator lets `_run` go on, which would call the load complete.
            interrupted = not self._complete
            ledger = self.generator.ledger
            self.writer.progress.note = lambda: closing_note(len(ledger.open))
            self.generator.finish()
            self.writer.finish(interrupted=interrupted)
            self.writer.progress.write()
            self._finished = True

    def on_crash(self, text: str) -> None:
        """Tell the first few crashes in full, all of them by number."""
        self._crashes += 1
        record_crash(self.writer, self._runner.environment, "local", text, self._crashes)


def report_periodically(writer: TrialWriter) -> None:
    """Write the live figures and flush the parts once a second, until the end."""
    while not writer.finished:
        writer.progress.write()
        writer.flush()
        gevent.sleep(1.0)


def write_progress_periodically(progress: Progress) -> None:
    """Write the live figures once a second, until killed."""
    while True:
        gevent.sleep(1.0)
        progress.write()


def closing_note(sessions: int) -> str:
    """What the live line says while the sweep is under way."""
    return f"closing {sessions} sessions" if sessions else "finishing"


def record_crash(writer: TrialWriter, environment: Any, worker: str, text: str, count: int) -> None:
    """Write a scenario's crash into the events, and make Locust's exit code tell."""
    environment.process_exit_code = int(ExitCode.UNKNOWN)
    if count <= CRASHES_LOGGED_MAX:
        log.error("a scenario raised:\n%s", text)
        data = {"text": "scenario crashed", "traceback": text[-4000:], "count": count}
        writer.event(Event(unix_ns(), "note", worker, data))


def abort(lifecycle: LoadLifecycle, runner: Any, *, headless: bool) -> None:
    """Nothing can be written, or nobody reads: have everything closed, and go."""
    runner.environment.process_exit_code = int(ExitCode.UNKNOWN)
    lifecycle.finish()
    quit_or_stop(runner, headless=headless)


def quit_or_stop(runner: Any, *, headless: bool) -> None:
    """Let Locust go, or only stop its test where its web page stays."""
    if headless:
        runner.quit()
    else:
        runner.stop()
