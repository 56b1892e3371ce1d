"""
The caller: one call is one to n attempts, and every attempt is recorded.

A call keeps its Idempotency-Key and its body through all attempts. After each
attempt the caller decides what follows (`Disposition`) and hands the attempt to
the recorder at once, directly: nothing between the network and the record can
swallow it. The policy is in `harness.retries`; here is the one loop that acts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import msgspec

from harness.attempt import Attempt, Disposition, Phase
from harness.clock import unix_ns
from harness.contract.answers import Answer, interpret
from harness.contract.operations import OPERATIONS
from harness.contract.outcomes import MAY_HAVE_HAPPENED, Outcome
from harness.failures import FAILED, NEVER_SENT
from harness.retries import RETRYABLE, RetryBudget, RetryPolicy
from harness.units import NS_PER_S
from harness.wire import Failure, Reply, Request, Transport

_OK = Outcome.OK
_DONE = Disposition.DONE.value


class Result(msgspec.Struct, frozen=True, gc=False):
    """
    How a call ended.

    Attributes:
        answer: The last attempt's answer.
        attempts: How many attempts it took.
        call_id: Its id in the attempt log.
        ambiguous: It did not succeed, and an attempt of it may have had its effect.
    """

    answer: Answer
    attempts: int
    call_id: int
    ambiguous: bool

    @property
    def ok(self) -> bool:
        """Whether the call succeeded."""
        return self.answer.outcome is _OK


@dataclass(slots=True)
class Seat:
    """
    What the calls of one process share.

    Attributes:
        worker: The process's name in the attempts.
        record: Takes each attempt (`harness.recorder.Recorder.record`).
        policy: When to try again.
        budget: The process's retry budget.
        sleep: Waits that many seconds, letting other users run; less when the trial stops.
        chance: Draws the jitter.
        stopping: Set when the trial is being stopped: no further retries.
        next_call_id: The id of the next call; ids of several workers never meet.
    """

    worker: str
    record: Callable[[Attempt], None]
    policy: RetryPolicy
    budget: RetryBudget
    sleep: Callable[[float], None]
    chance: Random
    stopping: bool = False
    next_call_id: int = 1

    def call_id(self) -> int:
        """Take the next call id."""
        call_id = self.next_call_id
        self.next_call_id = call_id + 1
        return call_id


class Caller:
    """
    Makes the calls of one user over one transport.

    Attributes:
        phase: The phase that the attempts of the current arrival belong to.
        intended_ns: When the next call was meant to begin; 0 means when it begins.
        last: The last attempt's reply as it came.
    """

    def __init__(
        self, transport: Transport, seat: Seat, policy: RetryPolicy | None = None
    ) -> None:
        self.transport = transport
        self.seat = seat
        self.policy = policy or seat.policy
        self._patience_ns = int(self.policy.deadline_s * NS_PER_S)
        self.phase: str = Phase.LOAD.value
        self.intended_ns = 0
        self.last: Reply | None = None

    def arrive(self, phase: str, intended_ns: int) -> None:
        """Begin an arrival: its first call was meant to start at ``intended_ns``."""
        self.phase = phase
        self.intended_ns = intended_ns

    def call(
        self,
        operation: str,
        target: str,
        body: bytes | None = None,
        *,
        key: str = "",
        resource_id: str = "",
        describe: Callable[[Answer], str] | None = None,
    ) -> Result:
        """
        Make one call, with as many attempts as the policy allows.

        Args:
            operation: A name of ``OPERATIONS``.
            target: Path and query.
            body: The request's JSON; the same bytes for all attempts.
            key: The Idempotency-Key of all attempts; "" for none.
            resource_id: The session or run that the call speaks of.
            describe: Evidence of an attempt from its answer, as JSON
                (docs/reference/trial.md).

        Returns:
            The last answer; never raises for what the target does.
        """
        op = OPERATIONS[operation]
        request = Request(op.method, target, body, key)
        transport = self.transport.exchange

        def exchange(deadline_ns: int) -> tuple[Reply, Answer]:
            self.last = reply = transport(request, deadline_ns)
            if reply.failure is not None:
                return reply, FAILED[reply.failure]
            answer = interpret(operation, reply.status, reply.body, reply.retry_after)
            if answer.resource_id not in ("", resource_id) and resource_id:
                answer = _mixed_up(answer, resource_id)
            return reply, answer

        safe = op.repeatable or bool(key)
        return self.perform(operation, exchange, safe, key, resource_id, describe)

    def perform(
        self,
        operation: str,
        exchange: Callable[[int], tuple[Reply, Answer]],
        safe: object,
        key: str = "",
        resource_id: str = "",
        describe: Callable[[Answer], str] | None = None,
    ) -> Result:
        """
        Make one call over any wire: attempts, waits, records.

        Args:
            operation: The attempts' operation.
            exchange: Makes one attempt until the deadline (Unix ns) it is given.
            safe: Whether it may be sent twice; its truth is asked after each failure.
            key: As of `call`.
            resource_id: As of `call`.
            describe: As of `call`.

        Returns:
            The last answer.
        """
        seat = self.seat
        seat.budget.earn()
        call_id = seat.call_id()
        begun_ns = unix_ns()
        intended_ns = self.intended_ns or begun_ns
        self.intended_ns = 0
        deadline_ns = begun_ns + self._patience_ns
        attempt, wait_s, maybe = 1, 0.0, False
        while True:
            reply, answer = exchange(deadline_ns)
            if answer.outcome is _OK:
                disposition = _DONE
            else:
                disposition, wait_s = self._decide(answer, reply, attempt, deadline_ns, safe)
                if answer.outcome in MAY_HAVE_HAPPENED and reply.failure not in NEVER_SENT:
                    maybe = True
            seat.record(
                _attempt(
                    self, operation, call_id, attempt, intended_ns, reply, answer, key,
                    resource_id, disposition, describe(answer) if describe else "",
                )
            )  # fmt: skip
            if disposition != "retried":
                return Result(answer, attempt, call_id, maybe and answer.outcome is not _OK)
            intended_ns = reply.end_ns + math.ceil(wait_s * NS_PER_S)
            if wait_s > 0 and not self._wait_until(intended_ns):
                return Result(answer, attempt, call_id, maybe)
            attempt += 1

    def _wait_until(self, when_ns: int) -> bool:
        """Sleep until then, never less; False when woken earlier because the trial stops."""
        seat = self.seat
        while (left_ns := when_ns - unix_ns()) > 0:
            seat.sleep(left_ns / NS_PER_S)
            if seat.stopping and unix_ns() < when_ns:
                return False
        return True

    def _decide(
        self, answer: Answer, reply: Reply, attempt: int, deadline_ns: int, safe: object
    ) -> tuple[str, float]:
        """What to do after an attempt that failed, and how long to wait before it."""
        policy, seat = self.policy, self.seat
        if answer.outcome not in RETRYABLE:
            return Disposition.DONE, 0.0
        if not safe:
            return Disposition.NOT_REPEATABLE, 0.0
        if seat.stopping and self.phase != Phase.CLEANUP:
            return Disposition.STOPPED, 0.0
        if attempt >= policy.attempts:
            return Disposition.ATTEMPTS_SPENT, 0.0
        # A kept-alive connection that the server had closed is the client's own
        # bad luck: there is nothing to wait for.
        stale = reply.failure is Failure.STALE and attempt == 1
        wait_s = (
            0.0 if stale else policy.wait_s(attempt, answer.retry_after_s, seat.chance.random())
        )
        if reply.end_ns + wait_s * NS_PER_S >= deadline_ns:
            return Disposition.DEADLINE, 0.0
        if not seat.budget.spend():
            return Disposition.BUDGET_SPENT, 0.0
        return Disposition.RETRIED, wait_s


def _mixed_up(answer: Answer, asked: str) -> Answer:
    """The answer to somebody else's question: nothing in it is of the resource asked for."""
    said = "the answer speaks of another resource than the one asked for"
    return Answer(
        Outcome.INVALID_RESPONSE,
        answer.code,
        answer.retry_after_s,
        asked,
        violation="; ".join(filter(None, (answer.violation, said))),
    )


def _attempt(
    caller: Caller, operation: str, call_id: int, attempt: int, intended_ns: int,
    reply: Reply, answer: Answer, key: str, resource_id: str, disposition: str, evidence: str,
) -> Attempt:  # fmt: skip
    """The record of one attempt."""
    start_ns, end_ns = reply.start_ns, reply.end_ns
    response_us = service_us = (end_ns - start_ns) // 1000
    # A clock reading before the intended start can only be the alarm's granularity.
    if intended_ns < start_ns:
        response_us = (end_ns - intended_ns) // 1000
    # What a NamedTuple's own constructor does, without the cost of calling it.
    return tuple.__new__(
        Attempt,
        (
            caller.seat.worker,
            caller.phase,
            operation,
            call_id,
            attempt,
            intended_ns,
            start_ns,
            end_ns,
            reply.status,
            answer.code,
            answer.outcome,
            service_us,
            response_us,
            answer.retry_after_s,
            key,
            answer.resource_id or resource_id,
            answer.replayed,
            reply.bytes_out,
            reply.bytes_in,
            disposition,
            evidence,
            answer.violation or (reply.detail if reply.failure is Failure.MALFORMED else ""),
        ),
    )
