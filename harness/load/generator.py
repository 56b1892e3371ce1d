"""
The load generator of one process, from the first arrival to the last batch.

It ends in order: no new arrivals, calls in flight end, open sessions are closed, the last batch
is sent, then the `WorkerSummary`.
"""

from __future__ import annotations

import gc
import logging
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Protocol

import gevent
import pyarrow as pa
from gevent.event import Event as Flag
from gevent.lock import RLock

from harness.attempt import Attempt
from harness.client.call import ClientContext
from harness.client.ledger import Ledger
from harness.client.recorder import Recorder
from harness.client.retries import RetryBudget, RetryPolicy
from harness.client.sockets.dialer import Dialer
from harness.clock import unix_ns
from harness.load.delayed_probes import DelayedProbes
from harness.load.progress import Progress
from harness.load.scheduler import ArrivalRateScheduler, ClosedScheduler, Scheduler
from harness.load.self_monitor import SelfMonitor
from harness.load.session_cleanup import close_sessions
from harness.load.spec import TrialSpec, webhook_secret
from harness.plan.model import Plan
from harness.trial.batches import attempts_table, bucket_table, to_ipc
from harness.trial.parts import PARTS, file_stem
from harness.trial.schema import Event, WorkerSummary
from harness.wire import Transport, connect
from harness.wire.pool import Pool, PooledTransport

BATCH_ROWS = 1000
"""Rows per batch; no user can start during the about 1 ms of each of its steps."""
YIELD_S = 0.0001
"""Between two steps the loop polls its sockets; ``gevent.sleep(0)`` would not."""
FLUSH_S = 1.0
CLEANUP_S = 60.0
_CALL_IDS_PER_WORKER = 1 << 40

log = logging.getLogger(__name__)


class Sink(Protocol):
    """Where batches go: to disk, or to the coordinator."""

    def batch(self, worker: str, attempts: pa.Table, buckets: pa.Table) -> None:
        """Take one batch; see `harness.trial.batches`."""

    def event(self, event: Event) -> None:
        """Take one event."""

    def end(self, end: WorkerSummary) -> None:
        """Take the summary of a worker."""


class LoadGenerator:
    """
    One process's share of the load.

    Attributes:
        ready: Set when users may take arrivals.
        scheduler: Hands out arrivals; None before `start`.
        observers: Called with each batch of attempts.
    """

    def __init__(self, spec: TrialSpec, plan: Plan, key: str, sink: Sink, index: int = -1) -> None:
        self.spec = spec
        self.webhook_secret = webhook_secret(spec.trial_id)
        self.plan = plan
        self.worker = spec.load_prefix + ("local" if index < 0 else f"w{index}")
        self.ready = Flag()
        self.recorder = Recorder()
        self.delayed_probes = DelayedProbes()
        self.scheduler: Scheduler | None = None
        self.observers: list[Callable[[pa.Table], None]] = []
        parts = Path(spec.out) / PARTS
        parts.mkdir(parents=True, exist_ok=True)
        self.ledger = Ledger(parts / f"{file_stem(self.worker)}.ledger")
        target = spec.target(plan.timeouts, key)
        direct = spec.target(plan.timeouts, key, direct=True)
        self.dialer = Dialer(target)
        self._connect_own = partial(connect, target, spec.transport)
        self._connect_directly = partial(connect, direct, spec.transport)
        size = plan.load.connections
        self._pool = Pool(self._connect_own, size) if size else None
        self._sink = sink
        self._monitor: SelfMonitor | None = None
        self._flusher: Any = None
        self._finishing = RLock()
        self._batching = RLock()
        self._stopping = Flag()
        self._load_ended_ns = 0
        self.summary: WorkerSummary | None = None
        _warm_up()
        self.context = ClientContext(
            worker=self.worker,
            record=self.recorder.record,
            policy=RetryPolicy.from_table(plan.retry),
            budget=RetryBudget(plan.retry.budget_fraction),
            sleep=self.sleep,
            rng=Random(f"{plan.seed}/jitter/{index}"),
            next_call_id=max(index, 0) * _CALL_IDS_PER_WORKER + spec.first_call_id,
        )

    def sleep(self, seconds: float) -> None:
        """Sleep; returns early when the load stops."""
        self._stopping.wait(seconds)

    def connect(self) -> Transport:
        """A transport for one user: its own connection, or a share of the pool."""
        return self._connect_own() if self._pool is None else PooledTransport(self._pool)

    def start(self, start_ns: int, share: tuple[int, int] = (0, 1)) -> None:
        """Start the plan's clock; with share (i, n) take arrivals i, i + n, i + 2n, …"""
        phases, seed = self.plan.phases(), self.plan.seed
        if self.plan.load.model == "open":
            self.scheduler = ArrivalRateScheduler(phases, seed, share, start_ns)
        else:
            wait_s = self.plan.load.wait
            self.scheduler = ClosedScheduler(phases, seed, share, start_ns, wait_s)
        self._monitor = SelfMonitor(self.scheduler, self.worker, self._sink.event)
        self._monitor.start()
        self._flusher = gevent.spawn(self._flush_periodically)
        self.ready.set()

    def join(self) -> None:
        """Wait until all arrivals and their calls have ended, or the grace period is over."""
        self.ready.wait()
        assert self.scheduler is not None
        self.scheduler.finished.wait()
        self._wait_in_flight()
        self._load_ended_ns = unix_ns()  # a coordinator may end the load much later

    def finish(self) -> WorkerSummary:
        """End the load in order; a second call returns the same summary."""
        with self._finishing:
            if self.summary is None:
                self.summary = self._finish()
                self._sink.end(self.summary)
        return self.summary

    def _finish(self) -> WorkerSummary:
        scheduler, unstarted = self.scheduler, 0
        if scheduler is not None:
            scheduler.stop()
            unstarted = scheduler.unstarted()
        self.context.stopping = True
        self._stopping.set()
        self.ready.set()
        self._wait_in_flight()
        load_ended_ns = self._load_ended_ns or unix_ns()
        if self._monitor is not None:
            self._monitor.stop()
        left_open = close_sessions(self.ledger, self.context, self._connect_directly, CLEANUP_S)
        if self._flusher is not None:
            with self._batching:  # not in the middle of a batch
                self._flusher.kill()
        self._flush()
        if self._pool is not None:
            self._pool.close()
        monitor, started = self._monitor, scheduler.started if scheduler else 0
        return WorkerSummary(
            worker=self.worker,
            attempts=self.recorder.recorded,
            planned=started + unstarted,
            late_starts=scheduler.late if scheduler else 0,
            late_by_generator=scheduler.late_by_generator if scheduler else 0,
            unstarted_arrivals=unstarted,
            cpu_max_fraction=monitor.cpu_max_fraction if monitor else 0.0,
            loop_lag_p99_ms=monitor.loop_lag_p99_ms if monitor else 0.0,
            saturated_s=monitor.saturated_s if monitor else 0,
            sweep_failed=left_open,
            dropped=self.recorder.dropped,
            load_ended_ns=load_ended_ns,
        )

    def _wait_in_flight(self) -> None:
        deadline_ns = unix_ns() + self.plan.load.grace
        while self.scheduler and self.scheduler.in_flight > 0 and unix_ns() < deadline_ns:
            gevent.sleep(0.01)

    def _flush_periodically(self) -> None:
        while True:
            waited_s = 0.0
            while waited_s < FLUSH_S and self.recorder.pending < BATCH_ROWS:
                gevent.sleep(0.02)
                waited_s += 0.02
            waiting = self.recorder.pending
            self._send_batches(waiting // BATCH_ROWS * BATCH_ROWS or waiting)

    def _flush(self) -> None:
        """Send all pending attempts, and those recorded meanwhile."""
        while self.recorder.pending:
            self._send_batches(self.recorder.pending)

    def _send_batches(self, count: int) -> None:
        """
        Send ``count`` attempts in batches, and yield to users between steps.

        Attempts recorded meanwhile wait for the next call: at full speed the loop would never end.
        """
        with self._batching:
            while count > 0 and (rows := self.recorder.drain(min(count, BATCH_ROWS))):
                count -= len(rows)
                table = attempts_table(rows)
                gevent.sleep(YIELD_S)
                buckets = bucket_table(table)
                gevent.sleep(YIELD_S)
                self._sink.batch(self.worker, table, buckets)
                for observe in self.observers:
                    gevent.sleep(YIELD_S)
                    observe(table)
                gevent.sleep(YIELD_S)


def _warm_up() -> None:
    """Pay for first uses and a garbage collection before the load."""
    nothing = Attempt(
        "", "", "", 0, 1, 0, 0, 0, 0, "", "ok", 1, 1, math.nan, "", "", -1, 0, 0, "done", "", ""
    )
    table = attempts_table([nothing])
    to_ipc(table)
    Progress(None, 0).add(bucket_table(table))
    # Freeze what is loaded now: collecting it again would stop every user for 0.1 s.
    gc.collect()
    gc.freeze()
