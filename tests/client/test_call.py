"""The caller, over a scripted transport and a clock that only sleeping moves."""

from __future__ import annotations

import math
from random import Random

import pytest

from harness.client import call as caller_module
from harness.client.call import ClientContext, RetryingCaller
from harness.client.ledger import Ledger, read_ledger
from harness.client.opensteer_client import OpensteerClient
from harness.client.recorder import Recorder
from harness.client.retries import RetryBudget, RetryPolicy
from harness.clock import unix_ns
from harness.contract.outcomes import Outcome
from harness.units import NS_PER_S
from harness.wire import Failure, Response

LIMITED = b'{"error":"slow down","code":"CLOUD_RATE_LIMITED"}'


BROKEN = b'{"error":"oops","code":"CLOUD_INTERNAL_ERROR"}'


class Script:
    """Answers by a list of (status, body, retry_after) or a `Failure`."""

    def __init__(self, clock, *steps):
        self.clock, self.steps, self.requests = clock, list(steps), []

    def exchange(self, request, deadline_ns):
        self.requests.append(request)
        step = self.steps.pop(0) if self.steps else (200, b"{}", None)
        start_ns = self.clock.now_ns
        self.clock.now_ns += 1_000_000
        if isinstance(step, Failure):
            return Response(0, b"", None, None, start_ns, self.clock.now_ns, 10, 0, step)
        status, body, wait = step
        return Response(status, body, wait, "application/json", start_ns, self.clock.now_ns, 10, 20)

    def close(self):
        pass


class Clock:
    """Time that passes in sleeps and exchanges only."""

    def __init__(self):
        self.now_ns = unix_ns()
        self.slept_s = []

    def sleep(self, seconds):
        self.slept_s.append(seconds)
        self.now_ns += round(seconds * NS_PER_S)


@pytest.fixture
def clock(monkeypatch):
    """The clock, in the caller's place too."""
    clock = Clock()
    monkeypatch.setattr(caller_module, "unix_ns", lambda: clock.now_ns)
    return clock


def _context(clock, recorder, **policy):
    settings = RetryPolicy(**policy)
    budget = RetryBudget(settings.budget_fraction)
    return ClientContext("local", recorder.record, settings, budget, clock.sleep, Random(7))


def _call(clock, *steps, operation="get_run", key="", body=None, **policy):
    recorder, script = Recorder(), Script(clock, *steps)
    caller = RetryingCaller(script, _context(clock, recorder, **policy))
    result = caller.call(operation, "/x", body, key=key, resource_id="r")
    return result, recorder.drain(), script


def test_retry_after_is_never_undercut(clock):
    """The second attempt leaves no earlier than the answer asked for."""
    _, rows, _ = _call(clock, (429, LIMITED, "3"), (404, b"", None))

    assert ["retried", "done"] == [row.disposition for row in rows]
    assert rows[1].start_ns >= rows[0].end_ns + 3 * NS_PER_S
    assert rows[1].intended_ns <= rows[1].start_ns


def test_one_key_and_one_body_for_all_attempts(clock):
    """A retry repeats the call to the letter."""
    _, rows, script = _call(
        clock,
        (500, BROKEN, None),
        (500, BROKEN, None),
        operation="queue_run",
        key="k",
        body=b"{}",
    )

    assert 3 == len(rows)
    assert {("k", b"{}")} == {(r.idempotency_key, r.body) for r in script.requests}
    assert {rows[0].call_id} == {row.call_id for row in rows}
    assert [1, 2, 3] == [row.attempt for row in rows]


def test_what_may_act_twice_is_not_repeated(clock):
    """A POST without a key is sent once, whatever came of it."""
    _, rows, _ = _call(clock, (500, BROKEN, None), operation="queue_run", body=b"{}")

    assert ["not_repeatable"] == [row.disposition for row in rows]


def test_attempts_and_deadline_bound_a_call(clock):
    """The policy's number of attempts, and no wait that ends after the deadline."""
    _, rows, _ = _call(clock, *[(500, BROKEN, None)] * 9, attempts=3)
    _, late, _ = _call(clock, (429, LIMITED, "60"), deadline_s=30.0)

    assert ["retried", "retried", "attempts_spent"] == [row.disposition for row in rows]
    assert ["deadline"] == [row.disposition for row in late]


def test_the_budget_bounds_retries_over_calls(clock):
    """Retries are at most a tenth of the calls, and ten."""
    recorder = Recorder()
    context = _context(clock, recorder, attempts=2)
    for _ in range(100):
        RetryingCaller(Script(clock, (500, BROKEN, None), (500, BROKEN, None)), context).call(
            "get_run", "/x"
        )
    rows = recorder.drain()

    assert sum(row.attempt > 1 for row in rows) <= 0.1 * 100 + 10
    assert "budget_spent" in {row.disposition for row in rows}


def test_a_stale_connection_is_tried_again_at_once(clock):
    """A kept connection that was closed costs no wait; both attempts are recorded."""
    _, rows, _ = _call(clock, Failure.STALE, (404, b"", None))

    assert [Outcome.CONNECTION_LOST, Outcome.NOT_FOUND] == [row.outcome for row in rows]
    assert rows[0].end_ns == rows[1].intended_ns
    assert [] == clock.slept_s


def test_response_counts_from_the_intended_start(clock):
    """A call begun late is as slow as its caller felt it."""
    recorder = Recorder()
    caller = RetryingCaller(Script(clock), _context(clock, recorder))
    caller.begin_iteration("load", clock.now_ns - 5_000_000)
    caller.call("health", "/health")
    (row,) = recorder.drain()

    assert (1000, 6000) == (row.service_us, row.response_us)
    assert math.isnan(row.retry_after_s)


def test_a_lost_create_stays_a_debt_until_its_session_is_known(clock, tmp_path):
    """The ledger keeps a doubtful create; its repetition names the session; DELETE pays."""
    ledger = Ledger(tmp_path / "ledger")
    script = Script(clock, Failure.RESET)
    client = OpensteerClient(script, _context(clock, Recorder(), attempts=1), ledger)
    client.create_session(b"{}", "k1")
    assert {"k1": b"{}"} == read_ledger(tmp_path / "ledger").unconfirmed
    script.steps = [(201, b'{"sessionId":"s1"}', None), (404, b"", None)]
    client.create_session(b"{}", "k1")
    assert (["s1"], {}) == (list(ledger.open), ledger.unconfirmed)
    client.delete_session("s1")
    ledger.close_file()

    assert read_ledger(tmp_path / "ledger").is_empty


def test_who_is_woken_to_stop_does_not_try_again_early(clock):
    """A stop in the middle of a Retry-After ends the call: one request, and the refusal."""
    recorder, script = Recorder(), Script(clock, (429, LIMITED, "30"))
    context = _context(clock, recorder, deadline_s=60.0)

    def woken(_seconds):
        clock.now_ns += NS_PER_S
        context.stopping = True

    context.sleep = woken
    result = RetryingCaller(script, context).call("get_run", "/x", resource_id="r")

    assert (1, 1) == (len(script.requests), result.attempts)
    assert Outcome.RATE_LIMITED is result.interpretation.outcome
    assert ["retried"] == [row.disposition for row in recorder.drain()]


@pytest.mark.parametrize("asked", ["run_1", "run_2"])
def test_a_response_about_another_resource_is_invalid(clock, asked):
    """Asked for one run and told of another: invalid, and filed under the one asked for."""
    script = Script(clock, (200, b'{"run":{"id":"run_1","status":"failed"}}', None))
    recorder = Recorder()
    client = OpensteerClient(script, _context(clock, recorder), Ledger())
    interpretation = client.get_run(asked).interpretation
    (row,) = recorder.drain()

    assert asked == interpretation.resource_id == row.resource_id
    if asked == "run_1":
        assert (Outcome.OK, "failed", "") == (
            interpretation.outcome,
            interpretation.state,
            row.violation,
        )
    else:
        assert (Outcome.INVALID_RESPONSE, "", None) == (
            interpretation.outcome, interpretation.state, interpretation.value,
        )  # fmt: skip
        assert "another resource than the one requested" in row.violation


def test_a_refused_create_is_no_debt(clock):
    """What the limiter refused was not done."""
    ledger = Ledger()
    client = OpensteerClient(
        Script(clock, (429, LIMITED, "1")), _context(clock, Recorder(), attempts=1), ledger
    )
    client.create_session(b"{}", "k1")

    assert ledger.is_empty
