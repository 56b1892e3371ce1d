"""
The trial writer: turns batches and events into a trial directory.

It runs in the local process or on the coordinator. It appends parts as they arrive, so that a
killed process loses nothing, and writes the manifest at start and end. `harness.trial.finalize`
makes the finished trial.
"""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pyarrow as pa

from harness import __version__
from harness.clock import unix_ns
from harness.errors import StorageError
from harness.load.progress import Progress
from harness.load.spec import TrialSpec
from harness.plan.model import Plan
from harness.trial.appended import append_load, read_before
from harness.trial.batches import BUCKETS, from_ipc, to_ipc
from harness.trial.parts import PartWriter
from harness.trial.schema import ATTEMPTS, SCHEMA, Event, Manifest, PhaseWindow, WorkerSummary
from harness.trial.store import write_manifest

log = logging.getLogger(__name__)
_PACKAGES = ("locust", "gevent", "httptools", "hdrhistogram", "pyarrow", "msgspec", "httpx")


class TrialWriter:
    """
    Writes batches, events and worker summaries.

    Attributes:
        expected: Workers that have a share of the load.
        on_failure: Called once, when the trial directory can no longer be written.
        failure: Why it cannot; "" while it can.
        finished: The end was written; later batches are dropped.
    """

    def __init__(self, spec: TrialSpec, plan: Plan, progress_fd: int | None) -> None:
        self.spec = spec
        self.plan = plan
        self.workers: dict[str, WorkerSummary] = {}
        self.expected: set[str] = set()
        self.progress = Progress(progress_fd, plan.duration_ns, watched=spec.watched)
        self.on_failure: Callable[[], object] = str
        self.failure = ""
        self.finished = False
        self._rows_by_worker: dict[str, int] = {}
        self._started_ns = 0
        self._out = Path(spec.out)
        self._before = read_before(self._out) if spec.load_prefix else None
        self._writer = PartWriter(self._out)
        self._write_manifest("running")

    def start(self, start_ns: int) -> None:
        """Record the start of the plan's clock."""
        self._started_ns = start_ns
        self.progress.start(start_ns)
        for window in self._windows(start_ns):
            data = {"name": window.name, "measured": window.measured}
            self.event(Event(window.start_ns, "phase", data=data | {"edge": "start"}))
            self.event(Event(window.end_ns, "phase", data=data | {"edge": "end"}))
        with self._guard_storage():
            self._write_manifest("running")

    def batch(self, worker: str, attempts: pa.Table, buckets: pa.Table) -> None:
        """Take one batch of this process; see `harness.trial.batches`."""
        self._count(worker, buckets)
        self._store(worker, len(attempts), to_ipc(attempts), to_ipc(buckets))

    def remote_batch(self, worker: str, attempts: bytes, buckets: bytes) -> None:
        """Take one batch of a worker; raises ValueError if the worker runs another version."""
        rows = len(from_ipc(attempts, ATTEMPTS))
        self._count(worker, from_ipc(buckets, BUCKETS))
        self._store(worker, rows, attempts, buckets)

    def _count(self, worker: str, buckets: pa.Table) -> None:
        self.expected.add(worker)
        self.progress.add(buckets)

    def _store(self, worker: str, rows: int, attempts: bytes, buckets: bytes) -> None:
        # After a failed write the part may end in a torn batch: append nothing after it.
        if not (self.failure or self.finished):
            with self._guard_storage():
                self._writer.append(worker, attempts, buckets)
                self._rows_by_worker[worker] = self._rows_by_worker.get(worker, 0) + rows

    def event(self, event: Event) -> None:
        """Take one event."""
        self.progress.event(event)
        if not self.finished:
            with self._guard_storage():
                self._writer.event(event)

    @contextmanager
    def _guard_storage(self) -> Iterator[None]:
        """Record that the disk is full or gone, and end the load in order."""
        try:
            yield
        except (OSError, StorageError) as error:
            if not self.failure:
                self.failure = f"the trial directory cannot be written: {error}"
                log.error("%s", self.failure)  # noqa: TRY400  not a bug: no traceback
                self.progress.note = lambda: "the disk is full or gone, stopping"
                self.on_failure()

    def end(self, end: WorkerSummary) -> None:
        """Take the summary of a worker."""
        self.workers[end.worker] = end

    def finish(self, *, interrupted: bool) -> None:
        """Write how the load ended; workers without a summary are lost."""
        for worker in self.expected - self.workers.keys():
            rows = self._rows_by_worker.get(worker, 0)
            self.workers[worker] = WorkerSummary(worker, state="lost", attempts=rows)
        ended_ns = max((end.load_ended_ns for end in self.workers.values()), default=0)
        if not ended_ns and self._started_ns:  # no summary says when the load ended
            ended_ns = min(unix_ns(), self._started_ns + self.plan.duration_ns)
        self.finished = True
        with self._guard_storage():
            self._writer.close()
        state = "interrupted" if interrupted or self.failure else "measured"
        with self._guard_storage():
            self._write_manifest(state, ended_ns)
        self._log_location()

    def _log_location(self) -> None:
        """For plain Locust; `harness run` shows a report and a quiet log."""
        if self._started_ns:
            log.info("the trial is in %s; its verdict: harness report %s", self._out, self._out)
        else:
            log.warning("the load did not start: not all users were spawned (--spawn-rate)")

    def flush(self) -> None:
        """Flush everything to the operating system."""
        if not self.finished:
            with self._guard_storage():
                self._writer.flush()

    def _windows(self, start_ns: int) -> list[PhaseWindow]:
        windows = []
        for phase in self.plan.phases():
            end_ns = start_ns + phase.duration_ns
            windows.append(PhaseWindow(phase.name, start_ns, end_ns, phase.measured))
            start_ns = end_ns
        return windows

    def _write_manifest(self, state: str, ended_ns: int = 0) -> None:
        spec = self.spec
        ended_ns = ended_ns or unix_ns()
        manifest = Manifest(
            schema=SCHEMA,
            trial_id=spec.trial_id,
            scenario=spec.scenario,
            host=spec.shown_host,
            model=self.plan.load.model,
            plan=self.plan.model_dump(mode="json"),
            seed=self.plan.seed,
            versions=versions(),
            workers=[self.workers[name] for name in sorted(self.workers)],
            phases=self._windows(self._started_ns) if self._started_ns else [],
            started_ns=self._started_ns or ended_ns,  # a load that did not start took no time
            ended_ns=ended_ns,
            state=state,
            embedded=spec.embedded,
        )
        if spec.load_prefix:
            manifest = append_load(self._before, manifest)
        write_manifest(self._out, manifest)


def versions() -> dict[str, str]:
    """Versions of all packages that can affect a measurement."""
    found = {"harness": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
