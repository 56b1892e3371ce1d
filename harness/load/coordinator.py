"""
The master of a distributed load, and what it and its workers say over Locust's channel.

::

    worker                          master
      │   harness_batch                │   as they come, each a megabyte at most
      │ ◄──────────────── harness_go   │   start time and share of each worker
      │   harness_done                 │   its share is done
      │ ◄──────────── harness_finish   │   all are done, or somebody wants to stop
      │   harness_ended                │   swept, flushed: nothing more will come

Only when every living worker has ended does the master let Locust quit. A worker
that is late, because its machine stood still for some seconds, is waited for; one that is
silent for `SILENCE_S` is given up. It is named in the manifest, and what it had sent is kept.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import gevent
import msgspec
from gevent.lock import RLock
from locust.runners import HEARTBEAT_LIVENESS

from harness.clock import unix_ns
from harness.load.config import LoadConfig
from harness.load.generator import CLEANUP_S, LoadGenerator
from harness.load.lifecycle import abort, quit_or_stop, record_crash, report_periodically
from harness.load.trial_writer import TrialWriter
from harness.load.worker import DISTRIBUTED_START_DELAY_NS, user_names
from harness.trial.schema import Event, WorkerSummary
from harness.units import NS_PER_S

REPORT_AFTER_S = 2.0
LATE_NS = 2 * NS_PER_S
"""After the plan's end: from then on it is told which workers are waited for."""
NAMES_SHOWN_MAX = 5
SILENCE_S = 10
"""A worker that has given no sign of life for so long is not waited for any more."""


class CoordinatorLifecycle:
    """The master: gives out shares, collects, and waits for every goodbye."""

    def __init__(
        self, runner: Any, config: LoadConfig, writer: TrialWriter, *, headless: bool
    ) -> None:
        self.config = config
        self.writer = writer
        self.generator: LoadGenerator | None = None
        self._runner = runner
        self._headless = headless
        self._finish_lock = RLock()
        self._names: dict[str, str] = {}
        self._done: set[str] = set()
        self._ended: set[str] = set()
        self._complete = self._finished = False
        self._crashes = 0
        writer.on_failure = lambda: gevent.spawn(abort, self, runner, headless=headless)
        writer.progress.on_orphaned = writer.on_failure
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
        """Before the load: how many workers have come, for who sits there and waits."""
        progress, clients = self.writer.progress, self._runner.clients
        expected = self._runner.environment.parsed_options.expect_workers
        gevent.sleep(REPORT_AFTER_S)
        while not (self._names or self._finished):
            progress.note = lambda: f"waiting for workers: {len(clients.ready)} of {expected} here"
            progress.write()
            gevent.sleep(1.0)

    def start(self) -> None:
        """Give every worker its share and a common start."""
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
        self.writer.start(start_ns)
        spec = self.config.spec
        start_message = {"start_ns": start_ns, "share": share, "plan": spec.plan}
        start_message |= {"trial_id": spec.trial_id, "embedded": spec.embedded}
        start_message |= {"scenario": spec.scenario, "users": user_names(self._runner)}
        self._runner.send_message("harness_go", start_message)
        gevent.spawn(self._run)
        gevent.spawn(report_periodically, self.writer)

    def _run(self) -> None:
        end_ns = unix_ns() + DISTRIBUTED_START_DELAY_NS + self.config.plan.duration_ns
        while late := self._alive() - self._done:
            if unix_ns() > end_ns + LATE_NS:
                names = sorted(map(self._names.__getitem__, late))
                note = f"waiting for {', '.join(names[:NAMES_SHOWN_MAX])}"
                note += (
                    f" and {len(names) - NAMES_SHOWN_MAX} more" if names[NAMES_SHOWN_MAX:] else ""
                )
                self.writer.progress.note = partial(str, note)
            gevent.sleep(0.05)
        self._complete = bool(self._done)
        self.finish()
        quit_or_stop(self._runner, headless=self._headless)

    def finish(self) -> None:
        """Have every worker end, wait for their goodbyes, and write the end down."""
        with self._finish_lock:
            if self._finished:
                return
            # Workers that end let `_run` go on, which would call the load complete.
            interrupted = not self._complete
            self.writer.progress.note = lambda: "closing sessions"
            self._runner.send_message("harness_finish", {})
            grace_s = self.config.plan.load.grace / NS_PER_S
            deadline_ns = unix_ns() + int((grace_s + CLEANUP_S + 10) * NS_PER_S)
            while self._alive() - self._ended and unix_ns() < deadline_ns:
                gevent.sleep(0.02)
            self.writer.finish(interrupted=interrupted)
            self.writer.progress.write()
            self._finished = True

    def on_crash(self, text: str) -> None:
        """The master has no users that could crash."""
        raise AssertionError(text)

    def _alive(self) -> set[str]:
        """Locust's ids of workers with a share that have not quit and are not given up."""
        silent_for_s = {
            # Counted down by one each second, and set anew by each sign of life.
            client.id: HEARTBEAT_LIVENESS - client.heartbeat
            for client in self._runner.clients.all
        }
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
        self._crashes += 1
        worker = self._names.get(msg.node_id, msg.node_id)
        text = msg.data["text"]
        record_crash(self.writer, self._runner.environment, worker, text, self._crashes)
