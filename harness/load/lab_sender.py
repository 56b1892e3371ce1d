"""
``python -m harness.load.lab_sender``: sends a lab's actions on time and says what came of them.

No retries, no users: each action is one attempt at its time, over as many
connections as are needed at once. Every attempt is recorded as in any trial. After the
lab's goodbye it closes what it opened and writes the trial's end; it does so as well when
its input ends without one, or on SIGTERM, and then the trial was interrupted.
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

from harness.attempt import Phase
from harness.client.call import Result, Seat
from harness.client.ledger import Ledger
from harness.client.opensteer_client import OpensteerClient
from harness.client.recorder import Recorder
from harness.client.retries import RetryBudget, RetryPolicy
from harness.clock import unix_ns
from harness.load.generator import BATCH_ROWS, SWEEP_S
from harness.load.lab_protocol import SECOND_KEY_VARIABLE, Action, Seen
from harness.load.session_cleanup import sweep
from harness.load.spec import SPEC_VARIABLE, read_key, read_spec
from harness.load.timer import Alarm
from harness.load.trial_writer import Collector
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
"""Between a list's arrival and its time zero, where it has times."""


class Sender:
    """Sends actions; keeps clients for the next ones."""

    def __init__(self) -> None:
        spec = read_spec(Path(os.environ[SPEC_VARIABLE]))
        plan = build_plan(spec.plan, "the lab's plan")
        timeouts = plan.timeouts
        key = read_key(os.environ, embedded=spec.embedded)
        second = os.environ.get(SECOND_KEY_VARIABLE) or key
        self._spec, self._seed = spec, plan.seed
        self._targets: list[Target] = [spec.target(timeouts, k) for k in (key, second)]
        self._collector = Collector(spec, plan, None)
        self._ledger = Ledger(Path(spec.out) / PARTS / f"{WORKER}.ledger")
        self._recorder = Recorder()
        self._entries = EntryPool(plan.seed)
        self._idle: list[list[OpensteerClient]] = [[], []]
        self._pool = Pool(CONNECTIONS_MAX)
        self._alarm = Alarm()
        self._number = 0
        self._bodies: dict[str, tuple[str, bytes]] = {}
        self._seat = Seat(
            worker=WORKER,
            record=self._recorder.record,
            policy=RetryPolicy(attempts=1, deadline_s=plan.retry.deadline / 1e9),
            budget=RetryBudget(0.0),
            sleep=gevent.sleep,
            chance=Random(plan.seed),
        )
        self._collector.start(unix_ns())

    def send(self, actions: list[Action]) -> list[Seen]:
        """Send every action at its time."""
        # A list without times is sent at once: a poll should not wait for its own lead.
        start_ns = unix_ns() + (LEAD_NS if any(action.at_ns for action in actions) else 0)
        seen: list[Seen | None] = [None] * len(actions)

        def one(place: int, action: Action) -> None:
            seen[place] = self._act(action, start_ns + action.at_ns)

        for place in sorted(range(len(actions)), key=lambda i: actions[i].at_ns):
            self._alarm.wait_until(start_ns + actions[place].at_ns)
            self._pool.spawn(one, place, actions[place])
        self._pool.join()
        self._flush()
        return [item for item in seen if item is not None]

    def _act(self, action: Action, intended_ns: int) -> Seen:
        idle = self._idle[action.key]
        client = idle.pop() if idle else self._new_client(action.key)
        client.arrive(Phase.LOAD.value, intended_ns)
        key = action.again
        if key not in self._bodies:
            self._number += 1
            key = key or f"{self._spec.trial_id}-{self._number}"
        sent_ns = unix_ns()
        result = self._call(client, action, key)
        reply = client.last_reply
        idle.append(client)
        wait_s = result.answer.retry_after_s
        return Seen(
            sent_ns=reply.start_ns if reply else sent_ns,
            received_ns=reply.end_ns if reply else unix_ns(),
            status=reply.status if reply else 0,
            code=result.answer.code,
            outcome=result.answer.outcome,
            retry_after_s=None if math.isnan(wait_s) else wait_s,
            retry_after=reply.retry_after if reply else None,
            resource_id=result.answer.resource_id or action.resource_id,
            idempotency_key=key,
            state=result.answer.state,
            ambiguous=result.ambiguous,
        )

    def _call(self, client: OpensteerClient, action: Action, key: str) -> Result:
        call: Callable[[], Result] = {
            "health": client.health,
            "create_session": lambda: self._create(client, key),
            "get_session": lambda: client.get_session(action.resource_id or "harness-probe"),
            "delete_session": lambda: client.delete_session(action.resource_id),
            "import_selector_cache": lambda: self._import(client, key),
            "queue_run": lambda: self._queue(client, key),
            "get_run": lambda: client.get_run(action.resource_id or "harness-probe"),
        }[action.operation]
        return call()

    def _create(self, client: OpensteerClient, key: str) -> Result:
        _, body = self._bodies.get(key) or ("", session_body(self._seed, self._number))
        self._bodies[key] = ("", body)
        return client.create_session(body, key)

    def _import(self, client: OpensteerClient, key: str) -> Result:
        # One entry, the same all the time: a probe should leave as little as it can.
        # Which of a burst comes first nobody knows, so nothing is expected of one.
        return client.import_selector_cache(self._entries.batch([(0, 0)]), key, None)

    def _queue(self, client: OpensteerClient, key: str) -> Result:
        slug, body = self._bodies.get(key) or run_body(self._seed, self._number)
        self._bodies[key] = (slug, body)
        return client.queue_run(slug, body, key)

    def _new_client(self, key: int) -> OpensteerClient:
        return OpensteerClient(self._connect(key), self._seat, self._ledger)

    def _connect(self, key: int = 0) -> Transport:
        return connect(self._targets[key], self._spec.transport)

    def _flush(self) -> None:
        while rows := self._recorder.drain(BATCH_ROWS):
            table = attempts_table(rows)
            self._collector.batch(WORKER, table, bucket_table(table))
        self._collector.flush()

    def finish(self, *, interrupted: bool) -> int:
        """Close what was opened, write the trial's end; how many could not be closed."""
        ended_ns = unix_ns()
        self._pool.kill()
        left = sweep(self._ledger, self._seat, self._connect, SWEEP_S)
        self._flush()
        self._collector.end(
            WorkerSummary(
                WORKER,
                attempts=self._recorder.recorded,
                planned=self._recorder.recorded,
                sweep_failed=left,
                load_ended_ns=ended_ns,
            )
        )
        self._collector.finish(interrupted=interrupted)
        return left


def main() -> None:
    """Serve lists of actions until the lab says goodbye, or is gone."""
    sender = Sender()
    # The main greenlet is not gevent's own and cannot be killed; its child can.
    serving = gevent.spawn(_serve, sender)
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, serving.kill, block=False)
    whole = serving.get() is True  # not GreenletExit, which a killed one returns
    sys.exit(1 if sender.finish(interrupted=not whole) else 0)


def _serve(sender: Sender) -> bool:
    """Answer lists until there are no more; whether the lab said that these were all."""
    reader = FileObject(sys.stdin.fileno(), "rb", closefd=False)
    decode = msgspec.json.Decoder(list[Action] | None).decode
    with suppress(BrokenPipeError, gevent.GreenletExit):
        for line in reader:
            if (actions := decode(line)) is None:
                return True
            os.write(sys.stdout.fileno(), msgspec.json.encode(sender.send(actions)) + b"\n")
    return False


if __name__ == "__main__":
    main()
