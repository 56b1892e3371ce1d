"""
Make calls: one call is one to n attempts, and every attempt is recorded.

A call keeps its Idempotency-Key and its body through all attempts. After each attempt the
caller decides what follows (`Disposition`) and passes the attempt to the recorder directly, so
nothing between the network and the record can swallow it. The policy is in
`harness.client.retries`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import msgspec

from harness.attempt import Attempt, Disposition, ReservedPhase
from harness.client.retries import RETRYABLE, RetryBudget, RetryPolicy
from harness.client.transport_failures import FAILURE_INTERPRETATIONS, NEVER_SENT
from harness.clock import unix_ns
from harness.contract.interpretation import Interpretation, interpret
from harness.contract.operations import OPERATIONS
from harness.contract.outcomes import MAY_HAVE_HAPPENED, Outcome
from harness.units import NS_PER_S
from harness.wire import Failure, Request, Response, Transport

_OK = Outcome.OK
_DONE = Disposition.DONE.value


class CallResult(msgspec.Struct, frozen=True, gc=False):
    """
    How a call ended: the interpretation of its last response, and its number of attempts.

    ``ambiguous``: it did not succeed, and one of its attempts may have had an effect.
    """

    interpretation: Interpretation
    attempts: int
    call_id: int
    ambiguous: bool

    @property
    def ok(self) -> bool:
        """Whether the call succeeded."""
        return self.interpretation.outcome is _OK


@dataclass(slots=True)
class ClientContext:
    """
    What the calls of one process share.

    Attributes:
        record: Receives each attempt (`harness.client.recorder.Recorder.record`).
        sleep: Waits for seconds, letting other users run; returns early when the trial stops.
        rng: Draws the jitter.
        stopping: Set when the trial is being stopped: no further retries.
        next_call_id: The id of the next call; ids of several workers never collide.
    """

    worker: str
    record: Callable[[Attempt], None]
    policy: RetryPolicy
    budget: RetryBudget
    sleep: Callable[[float], None]
    rng: Random
    stopping: bool = False
    next_call_id: int = 1

    def call_id(self) -> int:
        """Take the next call id."""
        call_id = self.next_call_id
        self.next_call_id = call_id + 1
        return call_id


class RetryingCaller:
    """
    Makes the calls of one user over one transport.

    Attributes:
        phase: The phase of the current arrival's attempts.
        intended_ns: The intended start of the next call; 0 for its actual start.
        last_response: The last attempt's response, unprocessed.
    """

    def __init__(
        self, transport: Transport, context: ClientContext, policy: RetryPolicy | None = None
    ) -> None:
        self.transport = transport
        self.context = context
        self.policy = policy or context.policy
        self._call_timeout_ns = int(self.policy.deadline_s * NS_PER_S)
        self.phase: str = ReservedPhase.LOAD.value
        self.intended_ns = 0
        self.last_response: Response | None = None

    def begin_iteration(self, phase: str, intended_ns: int) -> None:
        """Begin an arrival, whose first call was meant to start at ``intended_ns``."""
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
        describe: Callable[[Interpretation], str] | None = None,
    ) -> CallResult:
        """
        Make one call, with as many attempts as the policy allows; all have the same body and key.

        Never raises for what the target does.

        Args:
            operation: A name of ``OPERATIONS``.
            target: Path and query.
            key: The Idempotency-Key; "" for none.
            resource_id: The session or run that the call refers to.
            describe: Makes the evidence of an attempt, as JSON (docs/reference/trial.md).
        """
        op = OPERATIONS[operation]
        request = Request(op.method, target, body, key)
        transport = self.transport.exchange

        def exchange(deadline_ns: int) -> tuple[Response, Interpretation]:
            self.last_response = response = transport(request, deadline_ns)
            if response.failure is not None:
                return response, FAILURE_INTERPRETATIONS[response.failure]
            interpretation = interpret(
                operation, response.status, response.body, response.retry_after
            )
            if interpretation.resource_id not in ("", resource_id) and resource_id:
                interpretation = _wrong_resource(interpretation, resource_id)
            return response, interpretation

        may_retry = op.repeatable or bool(key)
        return self.perform(operation, exchange, may_retry, key, resource_id, describe)

    def perform(
        self,
        operation: str,
        exchange: Callable[[int], tuple[Response, Interpretation]],
        may_retry: object,
        key: str = "",
        resource_id: str = "",
        describe: Callable[[Interpretation], str] | None = None,
    ) -> CallResult:
        """
        Make one call over any transport: attempts, waits, records. Arguments as of `call`.

        Args:
            exchange: Makes one attempt until the deadline (Unix ns) it is given.
            may_retry: Whether it may be sent twice; its truth is evaluated after each failure.
        """
        context = self.context
        context.budget.earn()
        call_id = context.call_id()
        begun_ns = unix_ns()
        intended_ns = self.intended_ns or begun_ns
        self.intended_ns = 0
        deadline_ns = begun_ns + self._call_timeout_ns
        attempt, wait_s, may_have_happened = 1, 0.0, False
        while True:
            response, interpretation = exchange(deadline_ns)
            if interpretation.outcome is _OK:
                disposition = _DONE
            else:
                disposition, wait_s = self._decide(
                    interpretation, response, attempt, deadline_ns, may_retry
                )
                may_have_happened |= (
                    interpretation.outcome in MAY_HAVE_HAPPENED
                    and response.failure not in NEVER_SENT
                )
            context.record(
                _attempt(
                    self, operation, call_id, attempt, intended_ns, response, interpretation,
                    key, resource_id, disposition, describe(interpretation) if describe else "",
                )
            )  # fmt: skip
            if disposition != "retried":
                ambiguous = may_have_happened and interpretation.outcome is not _OK
                return CallResult(interpretation, attempt, call_id, ambiguous)
            intended_ns = response.end_ns + math.ceil(wait_s * NS_PER_S)
            if wait_s > 0 and not self._wait_until(intended_ns):
                return CallResult(interpretation, attempt, call_id, may_have_happened)
            attempt += 1

    def _wait_until(self, when_ns: int) -> bool:
        """Sleep until then, never less; False when the trial stops during the wait."""
        context = self.context
        while (left_ns := when_ns - unix_ns()) > 0:
            context.sleep(left_ns / NS_PER_S)
            if context.stopping and unix_ns() < when_ns:
                return False
        return True

    def _decide(
        self,
        interpretation: Interpretation,
        response: Response,
        attempt: int,
        deadline_ns: int,
        may_retry: object,
    ) -> tuple[str, float]:
        """What to do after a failed attempt, and how long to wait before the next."""
        policy, context = self.policy, self.context
        if interpretation.outcome not in RETRYABLE:
            return Disposition.DONE, 0.0
        if not may_retry:
            return Disposition.NOT_REPEATABLE, 0.0
        if context.stopping and self.phase != ReservedPhase.CLEANUP:
            return Disposition.STOPPED, 0.0
        if attempt >= policy.attempts:
            return Disposition.ATTEMPTS_SPENT, 0.0
        if response.failure is Failure.STALE and attempt == 1:
            wait_s = 0.0  # the server had closed an idle connection: there is nothing to wait for
        else:
            wait_s = policy.wait_s(attempt, interpretation.retry_after_s, context.rng.random())
        if response.end_ns + wait_s * NS_PER_S >= deadline_ns:
            return Disposition.DEADLINE, 0.0
        if not context.budget.spend():
            return Disposition.BUDGET_SPENT, 0.0
        return Disposition.RETRIED, wait_s


def _wrong_resource(interpretation: Interpretation, requested: str) -> Interpretation:
    """A response about another resource: nothing in it describes the one requested."""
    problem = "the response describes another resource than the one requested"
    return Interpretation(
        Outcome.INVALID_RESPONSE,
        interpretation.code,
        interpretation.retry_after_s,
        requested,
        violation="; ".join(filter(None, (interpretation.violation, problem))),
    )


def _attempt(
    caller: RetryingCaller, operation: str, call_id: int, attempt: int, intended_ns: int,
    response: Response, interpretation: Interpretation, key: str, resource_id: str,
    disposition: str, evidence: str,
) -> Attempt:  # fmt: skip
    """The record of one attempt."""
    start_ns, end_ns = response.start_ns, response.end_ns
    response_us = service_us = (end_ns - start_ns) // 1000
    # A start before the intended one is the timer's granularity.
    if intended_ns < start_ns:
        response_us = (end_ns - intended_ns) // 1000
    # The same as a NamedTuple's constructor, without the cost of calling it.
    return tuple.__new__(
        Attempt,
        (
            caller.context.worker, caller.phase, operation, call_id, attempt,
            intended_ns, start_ns, end_ns,
            response.status, interpretation.code, interpretation.outcome,
            service_us, response_us, interpretation.retry_after_s,
            key, interpretation.resource_id or resource_id, interpretation.replayed,
            response.bytes_out, response.bytes_in, disposition, evidence,
            interpretation.violation
            or (response.detail if response.failure is Failure.MALFORMED else ""),
        ),
    )  # fmt: skip
