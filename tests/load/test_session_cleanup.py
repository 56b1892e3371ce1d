"""Cleanup: open sessions first, then unconfirmed creates; what is left is counted."""

from __future__ import annotations

import time
from random import Random

import msgspec

from harness.attempt import ReservedPhase
from harness.client.call import ClientContext
from harness.client.ledger import Ledger
from harness.client.recorder import Recorder
from harness.client.retries import RetryBudget, RetryPolicy
from harness.clock import unix_ns
from harness.load.session_cleanup import close_sessions
from harness.wire import Response
from tests.contract.bodies import CREATED

REFUSED = b'{"error":"no","code":"CLOUD_CONFIG_INVALID"}'


class Target:
    """Opens and closes sessions, and refuses to close some."""

    def __init__(self, stubborn=()):
        self.stubborn, self.requests = stubborn, []

    def exchange(self, request, _deadline_ns):
        self.requests.append(f"{request.method} {request.target}")
        status, body = 204, b""
        if request.method == "POST":
            session_id = f"of-{request.idempotency_key}"
            session = {**CREATED["cloudSession"], "sessionId": session_id}
            created = {**CREATED, "sessionId": session_id, "cloudSession": session}
            status, body = 201, msgspec.json.encode(created)
        elif request.target.rpartition("/")[2] in self.stubborn:
            status, body = 400, REFUSED
        now_ns = unix_ns()
        return Response(status, body, None, "application/json", now_ns, now_ns, 10, 20)

    def close(self):
        pass


def swept(ledger, target):
    """How many are left, the attempts, and the context."""
    recorder = Recorder()
    context = ClientContext(
        "local", recorder.record, RetryPolicy(), RetryBudget(0.1), time.sleep, Random(1),
        stopping=True, next_call_id=7,
    )  # fmt: skip
    return close_sessions(ledger, context, lambda: target, 20.0), recorder.drain(), context


def test_nothing_open_sends_nothing():
    """No transport is even made."""
    assert 0 == close_sessions(Ledger(), None, None, 1.0)


def test_open_sessions_are_closed_before_doubtful_creates_are_asked_again():
    """A target that is full is full of our own; what a doubtful create made is closed, too."""
    ledger, target = Ledger(), Target()
    for number in range(40):
        ledger.record_effect(f"k{number}", f"s{number}")
    ledger.record_intent("lost", b"{}")
    left, rows, _ = swept(ledger, target)

    assert 0 == left
    assert ledger.is_empty
    assert {f"DELETE /sessions/s{number}" for number in range(40)} == set(target.requests[:40])
    assert ["POST /sessions", "DELETE /sessions/of-lost"] == target.requests[40:]
    assert {ReservedPhase.CLEANUP} == {row.phase for row in rows}


def test_what_cannot_be_closed_is_counted():
    """Each open session and each doubt that is left."""
    ledger = Ledger()
    for name in ("a", "b", "c"):
        ledger.record_effect(name, name)
    ledger.record_intent("lost", b"{}")
    left, _, _ = swept(ledger, Target(stubborn=("b", "of-lost")))

    assert 2 == left
    assert ["b", "of-lost"] == list(ledger.open)


def test_its_calls_share_no_id_with_those_of_users_still_at_work():
    """After the grace period, counting continues from the context's next attempt."""
    ledger = Ledger()
    ledger.record_effect("a", "a")
    _, rows, context = swept(ledger, Target())
    theirs = {context.call_id() for _ in range(1000)}

    assert 1 == len(rows)
    assert rows[0].call_id not in theirs
    assert rows[0].call_id < 1 << 40
