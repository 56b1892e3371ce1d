"""
The coordinator of a distributed load, and the messages between it and its workers.

::

    worker                       coordinator
      │   harness_batch                │   repeatedly, up to 1 MB each
      │ ◄──────────────── harness_go   │   start time and share of each worker
      │   harness_done                 │   the worker's share is done
      │ ◄──────────── harness_finish   │   all are done, or the load is stopped
      │   harness_ended                │   sessions closed, batches flushed

Locust quits only after every living worker has ended. The coordinator waits for a late worker
and gives up one that is silent for `SILENCE_S`: the manifest names it, its batches are kept.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import gevent
import msgspec
from locust.runners import HEARTBEAT_LIVENESS

from harness.clock import unix_ns
from harness.load.config import LoadConfig
from harness.load.generator import CLEANUP_S
from harness.load.lifecycle import RecordedLifecycle
from harness.load.trial_writer import TrialWriter
from harness.load.worker import DISTRIBUTED_START_DELAY_NS, user_names
from harness.trial.schema import Event, WorkerSummary
from harness.units import NS_PER_S

REPORT_AFTER_S = 2.0
LATE_NS = 2 * NS_PER_S
"""This long after the plan's end, the live metrics name the workers not done yet."""
NAMES_SHOWN_MAX = 5
SILENCE_S = 10
"""A worker without a heartbeat for this long is given up."""


class CoordinatorLifecycle(RecordedLifecycle):
    """Assigns shares, collects batches, and waits until every worker has ended."""

    def __init__(
        self, runner: Any, config: LoadConfig, writer: TrialWriter, *, headless: bool
    ) -> None:
        super().__init__(runner, config, writer, headless=headless)
        self._names: dict[str, str] = {}
        self._done: set[str] = set()
        self._ended: set[str] = set()
        for kind, listener in {
            "harness_batch": self._on_batch,
            "harness_event": self._on_event,
            "harness_done": self._on_done,
            "harness_ended": self._on_ended,
            "harness_crashed": self._on_crashed,
        }.items():
            runner.register_message(kind, listener)
        gevent.spawn(self._report_missing_workers)

    def _report_missing_workers(self) -> None:
        """Before the load: report how many workers have connected."""
        progress, clients = self.writer.progress, self._runner.clients
        expected = self._runner.environment.parsed_options.expect_workers
        gevent.sleep(REPORT_AFTER_S)
        while not (self._names or self._finished):
            progress.note = lambda: (
                f"waiting for workers: {len(clients.ready)} of {expected} connected"
            )
            progress.write()
            gevent.sleep(1.0)

    def start(self) -> None:
        """Send every worker its share and a common start time."""
        if self._names:
            return
        self.writer.progress.note = str
        gone = {client.id for client in self._runner.clients.missing}
        clients = [client.id for client in self._runner.clients.all if client.id not in gone]
        prefix = self.config.spec.load_prefix
        self._names = {client: f"{prefix}w{place}" for place, client in enumerate(clients)}
        self.writer.expected.update(self._names.values())
        start_ns = unix_ns() + DISTRIBUTED_START_DELAY_NS
        share = {client: (place, len(clients)) for place, client in enumerate(clients)}
        self.begin(start_ns)
        spec = self.config.spec
        start_message = {"start_ns": start_ns, "share": share, "plan": spec.plan}
        start_message |= {"trial_id": spec.trial_id, "embedded": spec.embedded}
        start_message |= {"scenario": spec.scenario, "users": user_names(self._runner)}
        self._runner.send_message("harness_go", start_message)

    def run(self) -> None:
        """Wait until every living worker has done its share; name the late ones."""
        end_ns = unix_ns() + DISTRIBUTED_START_DELAY_NS + self.config.plan.duration_ns
        while late := self._alive() - self._done:
            if unix_ns() > end_ns + LATE_NS:
                names = sorted(map(self._names.__getitem__, late))
                note = f"waiting for {', '.join(names[:NAMES_SHOWN_MAX])}"
                if names[NAMES_SHOWN_MAX:]:
                    note += f" and {len(names) - NAMES_SHOWN_MAX} more"
                self.writer.progress.note = partial(str, note)
            gevent.sleep(0.05)
        self.complete(ran=bool(self._done))

    def end_generators(self) -> None:
        """End every worker, and wait for their summaries."""
        self.writer.progress.note = lambda: "closing sessions"
        self._runner.send_message("harness_finish", {})
        grace_s = self.config.plan.load.grace / NS_PER_S
        deadline_ns = unix_ns() + int((grace_s + CLEANUP_S + 10) * NS_PER_S)
        while self._alive() - self._ended and unix_ns() < deadline_ns:
            gevent.sleep(0.02)

    def on_crash(self, text: str) -> None:
        """Cannot happen: the coordinator runs no users."""
        raise AssertionError(text)

    def _alive(self) -> set[str]:
        """Locust's ids of workers with a share that have not quit and are not given up."""
        # Locust lowers `heartbeat` by one each second; each heartbeat sets it again.
        clients = self._runner.clients.all
        silent_for_s = {client.id: HEARTBEAT_LIVENESS - client.heartbeat for client in clients}
        return {id_ for id_ in self._names if silent_for_s.get(id_, SILENCE_S) < SILENCE_S}

    def _on_batch(self, msg: Any, **_rest: Any) -> None:
        data = msg.data
        self.writer.remote_batch(data["worker"], data["attempts"], data["buckets"])

    def _on_event(self, msg: Any, **_rest: Any) -> None:
        self.writer.event(msgspec.json.decode(msg.data["event"], type=Event))

    def _on_done(self, msg: Any, **_rest: Any) -> None:
        self._done.add(msg.node_id)

    def _on_ended(self, msg: Any, **_rest: Any) -> None:
        self._done.add(msg.node_id)
        self._ended.add(msg.node_id)
        self.writer.end(msgspec.json.decode(msg.data["end"], type=WorkerSummary))

    def _on_crashed(self, msg: Any, **_rest: Any) -> None:
        self.record_crash(self._names.get(msg.node_id, msg.node_id), msg.data["text"])
