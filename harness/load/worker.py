"""
A worker of a distributed load: runs its share and sends its batches to the coordinator.

`harness.load.coordinator` shows the messages in their order.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gevent
import msgspec
import pyarrow as pa

from harness.clock import unix_ns
from harness.errors import HarnessError, UsageError
from harness.exit_codes import ExitCode
from harness.load.config import LoadConfig, exit_with_error
from harness.load.generator import LoadGenerator
from harness.load.progress import Progress
from harness.load.scheduler import local_start_ns
from harness.load.spec import progress_fd
from harness.plan.file import build_plan
from harness.plan.model import Plan
from harness.trial.batches import bucket_table, to_ipc
from harness.trial.schema import Event, WorkerSummary
from harness.units import NS_PER_S

MESSAGE_BYTES_MAX = 1 << 20
"""A larger batch is halved until its pieces fit, down to a single attempt."""
DISTRIBUTED_START_DELAY_NS = NS_PER_S // 2
"""How far ahead of its own clock the coordinator sets the start."""


class RemoteSink:
    """Sends batches to the coordinator; its clock is ``clock_ahead_ns`` behind the worker's."""

    def __init__(self, runner: Any, progress: Progress | None = None) -> None:
        self.clock_ahead_ns = 0
        self._send = runner.send_message
        self._progress = progress

    def batch(self, worker: str, attempts: pa.Table, buckets: pa.Table) -> None:
        """Send one batch, in several messages if it is too large for one."""
        if self._progress is not None:
            self._progress.add(buckets)
        self._send_pieces(worker, attempts, buckets)

    def _send_pieces(self, worker: str, attempts: pa.Table, buckets: pa.Table) -> None:
        blobs = to_ipc(attempts), to_ipc(buckets)
        if sum(map(len, blobs)) > MESSAGE_BYTES_MAX and len(attempts) > 1:
            half = len(attempts) // 2
            for piece in (attempts.slice(0, half), attempts.slice(half)):
                self._send_pieces(worker, piece, bucket_table(piece))
            return
        data = {"worker": worker, "attempts": blobs[0], "buckets": blobs[1]}
        self._send("harness_batch", data)

    def event(self, event: Event) -> None:
        """Send one event."""
        self._send("harness_event", {"event": msgspec.json.encode(event)})

    def end(self, end: WorkerSummary) -> None:
        """Send the summary; the load's end is converted to the coordinator's clock."""
        end = msgspec.structs.replace(end, load_ended_ns=end.load_ended_ns - self.clock_ahead_ns)
        self._send("harness_ended", {"end": msgspec.json.encode(end)})


class WorkerLifecycle:
    """
    Runs a worker's share, and ends on the coordinator's command.

    The coordinator's plan replaces that of the config. ``observe`` gets each batch of attempts.
    """

    def __init__(
        self, runner: Any, config: LoadConfig, observe: Callable[[pa.Table], None]
    ) -> None:
        self.config = config
        self._observe = observe
        self.generator: LoadGenerator | None = None
        self._runner = runner
        runner.register_message("harness_go", self._on_go)
        runner.register_message("harness_finish", lambda **_: self.finish(), concurrent=True)

    def start(self) -> None:
        """Do nothing: the coordinator starts the load."""

    def _on_go(self, msg: Any, **_rest: Any) -> None:
        """Start with the coordinator's plan, or exit: the coordinator must not wait."""
        try:
            self._apply(msg.data)
        except HarnessError as error:
            text = f"the coordinator's load does not fit this worker: {error}"
            exit_with_error(text, int(ExitCode.USAGE))

    def _apply(self, start_message: dict[str, Any]) -> None:
        config = self.config
        self._check_users(start_message["users"], start_message["scenario"])
        spec = msgspec.structs.replace(
            config.spec,
            trial_id=start_message["trial_id"],
            plan=start_message["plan"],
            embedded=start_message["embedded"],
        )
        plan = build_plan(start_message["plan"], "the coordinator's plan")
        self.config = config.with_plan(spec, plan)
        index, _ = start_message["share"][self._runner.client_id]
        progress = self._progress(plan)
        sink = RemoteSink(self._runner, progress)
        self.generator = LoadGenerator(spec, plan, config.key, sink, index)
        self.generator.observers.append(self._observe)
        gevent.spawn(self._run, self.generator, sink, progress, start_message)

    def _check_users(self, users: list[str], scenario: str) -> None:
        """Locust spawns users by class name, and continues without users if it knows none."""
        if not set(users) <= set(user_names(self._runner)):
            raise UsageError(
                f"its scenario is {scenario}, this worker's {self.config.spec.scenario}; "
                f"start it with {scenario}"
            )

    def _progress(self, plan: Plan) -> Progress | None:
        """Live metrics of this worker's own share, for its terminal."""
        # Workers of --processes share the pipe of their coordinator, which reports all of them.
        is_alone = self._runner.environment.parsed_options.processes is None
        return Progress(progress_fd(), plan.duration_ns) if is_alone else None

    def _run(
        self,
        generator: LoadGenerator,
        sink: RemoteSink,
        progress: Progress | None,
        start_message: dict[str, Any],
    ) -> None:
        start_ns = local_start_ns(start_message["start_ns"], unix_ns(), DISTRIBUTED_START_DELAY_NS)
        sink.clock_ahead_ns = start_ns - start_message["start_ns"]
        if progress is not None:
            progress.note = partial(str, f"the share of {generator.worker}")
            progress.start(start_ns)
            gevent.spawn(_write_periodically, progress)
        generator.start(start_ns, tuple(start_message["share"][self._runner.client_id]))
        generator.join()
        self._runner.send_message("harness_done", {"worker": generator.worker})

    def finish(self) -> None:
        """End in order."""
        if self.generator is not None:
            self.generator.finish()

    def on_crash(self, text: str) -> None:
        """Report the crash to the coordinator."""
        self._runner.send_message("harness_crashed", {"text": text[-4000:]})


def _write_periodically(progress: Progress) -> None:
    """Write live metrics once a second, until killed."""
    while True:
        gevent.sleep(1.0)
        progress.write()


def user_names(runner: Any) -> list[str]:
    """Names of the user classes that a runner may spawn."""
    return [kind.__name__ for kind in runner.environment.user_classes]
