"""
``python -m harness.load.lab_sender``: send a lab's requests on time and return the results.

Each request is one attempt, without retries, over as many connections as needed; every attempt
is recorded. After the lab's end message it closes what it opened and ends the trial. When its
input ends without that message, or on SIGTERM, it does the same and the trial is interrupted.
"""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import gevent
import msgspec
from gevent.fileobject import FileObject
from gevent.pool import Pool

import harness.load.arrow_only  # noqa: F401  before pyarrow makes an array
from harness.attempt import ReservedPhase
from harness.client.call import CallResult, ClientContext
from harness.client.ledger import Ledger
from harness.client.opensteer_client import OpensteerClient
from harness.client.recorder import Recorder
from harness.client.retries import RetryBudget, RetryPolicy
from harness.clock import unix_ns
from harness.load.generator import BATCH_ROWS, CLEANUP_S
from harness.load.lab_protocol import SECOND_KEY_VARIABLE, LabRequest, SendResult
from harness.load.session_cleanup import close_sessions
from harness.load.spec import SPEC_VARIABLE, read_key, read_spec
from harness.load.timer import Timer
from harness.load.trial_writer import TrialWriter
from harness.plan.file import build_plan
from harness.trial.batches import attempts_table, bucket_table
from harness.trial.parts import PARTS
from harness.trial.schema import WorkerSummary
from harness.units import NS_PER_MS
from harness.wire import Target, Transport, connect
from harness.workload.entries import EntryPool
from harness.workload.payloads import run_body, session_body

WORKER = "prober"
CONNECTIONS_MAX = 1024
LEAD_NS = 20 * NS_PER_MS
"""Between a list's receipt and its time zero, if its requests have times."""


class LabSender:
    """Sends requests; reuses its clients."""

    def __init__(self) -> None:
        spec = read_spec(Path(os.environ[SPEC_VARIABLE]))
        plan = build_plan(spec.plan, "the lab's plan")
        timeouts = plan.timeouts
        key = read_key(os.environ, embedded=spec.embedded)
        second = os.environ.get(SECOND_KEY_VARIABLE) or key
        self._spec, self._seed = spec, plan.seed
        self._targets: list[Target] = [spec.target(timeouts, k) for k in (key, second)]
        self._writer = TrialWriter(spec, plan, None)
        self._ledger = Ledger(Path(spec.out) / PARTS / f"{WORKER}.ledger")
        self._recorder = Recorder()
        self._entries = EntryPool(plan.seed)
        self._idle: list[list[OpensteerClient]] = [[], []]
        self._pool = Pool(CONNECTIONS_MAX)
        self._timer = Timer()
        self._number = 0
        self._bodies: dict[str, tuple[str, bytes]] = {}
        self._context = ClientContext(
            worker=WORKER,
            record=self._recorder.record,
            policy=RetryPolicy(attempts=1, deadline_s=plan.retry.deadline / 1e9),
            budget=RetryBudget(0.0),
            sleep=gevent.sleep,
            rng=Random(plan.seed),
        )
        self._writer.start(unix_ns())

    def send(self, requests: list[LabRequest]) -> list[SendResult]:
        """Send every request at its time."""
        # A list without times is sent immediately: a poll needs no lead.
        start_ns = unix_ns() + (LEAD_NS if any(request.at_ns for request in requests) else 0)
        results: list[SendResult | None] = [None] * len(requests)

        def one(place: int, request: LabRequest) -> None:
            results[place] = self._send_one(request, start_ns + request.at_ns)

        for place in sorted(range(len(requests)), key=lambda i: requests[i].at_ns):
            self._timer.wait_until(start_ns + requests[place].at_ns)
            self._pool.spawn(one, place, requests[place])
        self._pool.join()
        self._flush()
        return [item for item in results if item is not None]

    def _send_one(self, request: LabRequest, intended_ns: int) -> SendResult:
        idle = self._idle[request.key]
        client = idle.pop() if idle else self._new_client(request.key)
        client.begin_iteration(ReservedPhase.LOAD.value, intended_ns)
        key = request.idempotency_key
        if key not in self._bodies:
            self._number += 1
            key = key or f"{self._spec.trial_id}-{self._number}"
        sent_ns = unix_ns()
        result = self._call(client, request, key)
        response = client.last_response
        idle.append(client)
        wait_s = result.interpretation.retry_after_s
        return SendResult(
            sent_ns=response.start_ns if response else sent_ns,
            received_ns=response.end_ns if response else unix_ns(),
            status=response.status if response else 0,
            code=result.interpretation.code,
            outcome=result.interpretation.outcome,
            retry_after_s=None if math.isnan(wait_s) else wait_s,
            retry_after=response.retry_after if response else None,
            resource_id=result.interpretation.resource_id or request.resource_id,
            idempotency_key=key,
            state=result.interpretation.state,
            ambiguous=result.ambiguous,
        )

    def _call(self, client: OpensteerClient, request: LabRequest, key: str) -> CallResult:
        call: Callable[[], CallResult] = {
            "health": client.health,
            "create_session": lambda: self._create(client, key),
            "get_session": lambda: client.get_session(request.resource_id or "harness-probe"),
            "delete_session": lambda: client.delete_session(request.resource_id),
            "import_selector_cache": lambda: self._import(client, key),
            "queue_run": lambda: self._queue(client, key),
            "get_run": lambda: client.get_run(request.resource_id or "harness-probe"),
        }[request.operation]
        return call()

    def _create(self, client: OpensteerClient, key: str) -> CallResult:
        _, body = self._bodies.get(key) or ("", session_body(self._seed, self._number))
        self._bodies[key] = ("", body)
        return client.create_session(body, key)

    def _import(self, client: OpensteerClient, key: str) -> CallResult:
        # Always the same entry: a probe leaves as little as possible. The order of a burst is
        # unknown, so no result is expected.
        return client.import_selector_cache(self._entries.batch([(0, 0)]), key, None)

    def _queue(self, client: OpensteerClient, key: str) -> CallResult:
        slug, body = self._bodies.get(key) or run_body(self._seed, self._number)
        self._bodies[key] = (slug, body)
        return client.queue_run(slug, body, key)

    def _new_client(self, key: int) -> OpensteerClient:
        return OpensteerClient(self._connect(key), self._context, self._ledger)

    def _connect(self, key: int = 0) -> Transport:
        return connect(self._targets[key], self._spec.transport)

    def _flush(self) -> None:
        while rows := self._recorder.drain(BATCH_ROWS):
            table = attempts_table(rows)
            self._writer.batch(WORKER, table, bucket_table(table))
        self._writer.flush()

    def finish(self, *, interrupted: bool) -> int:
        """Close what was opened, end the trial; returns how many sessions are left open."""
        ended_ns = unix_ns()
        self._pool.kill()
        left_open = close_sessions(self._ledger, self._context, self._connect, CLEANUP_S)
        self._flush()
        sent = self._recorder.recorded
        self._writer.end(
            WorkerSummary(
                WORKER, attempts=sent, planned=sent, sweep_failed=left_open, load_ended_ns=ended_ns
            )
        )
        self._writer.finish(interrupted=interrupted)
        return left_open


def main() -> None:
    """Serve lists of requests until the lab ends."""
    sender = LabSender()
    # The main greenlet cannot be killed; its child can.
    serving = gevent.spawn(_serve, sender)
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, serving.kill, block=False)
    complete = serving.get() is True  # not GreenletExit, which a killed one returns
    sys.exit(1 if sender.finish(interrupted=not complete) else 0)


def _serve(sender: LabSender) -> bool:
    """Answer lists until the input ends; True if the lab sent its end message."""
    reader = FileObject(sys.stdin.fileno(), "rb", closefd=False)
    decode = msgspec.json.Decoder(list[LabRequest] | None).decode
    with suppress(BrokenPipeError, gevent.GreenletExit):
        for line in reader:
            if (requests := decode(line)) is None:
                return True
            os.write(sys.stdout.fileno(), msgspec.json.encode(sender.send(requests)) + b"\n")
    return False


if __name__ == "__main__":
    main()
