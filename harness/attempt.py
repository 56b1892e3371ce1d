"""
The one datum: an attempt, one request of one call, and how it ended.

Everything downstream of the load is a fold over these records. Times are Unix
nanoseconds of the generator's own monotonic clock (``harness.clock``)::

    intended ───── start ───────────── end
        │            └──── service ─────┘      what the target took
        └───────────── response ────────┘      what a caller on schedule felt

``intended`` is when the plan wanted the request on its way: for a call's first
attempt its arrival's time (or, for later calls of one arrival, the moment the
scenario asked), for a retry the end of its wait. So a stall of the target or of
the generator shows in the response time of everything that queued behind it
(Tene, "How NOT to Measure Latency"; wrk2's README).
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Disposition(StrEnum):
    """What the client did after an attempt."""

    DONE = "done"
    """The call ended with this attempt: its outcome is one that ends a call."""
    RETRIED = "retried"
    """Another attempt followed, unless the trial was stopped in the wait before it."""
    NOT_REPEATABLE = "not_repeatable"
    """It could have been retried, but a second sending might act twice."""
    ATTEMPTS_SPENT = "attempts_spent"
    BUDGET_SPENT = "budget_spent"
    """The retry budget was empty: retries must not multiply an outage."""
    DEADLINE = "deadline"
    """The wait before the next attempt would have passed the call's deadline."""
    STOPPED = "stopped"
    """The trial was being stopped."""


class ReservedPhase(StrEnum):
    """Reserved phase names; a plan's own phases have names of their own."""

    LOAD = "load"
    """The only phase of a load that has none of its own."""
    PROBE = "probe"
    """Sent to make lies visible, outside every SLO."""
    CLEANUP = "cleanup"
    """Sent to close what the trial opened, outside every SLO."""
    PREFLIGHT = "preflight"


class Attempt(NamedTuple):
    """
    One request of a call.

    Attributes:
        worker: Which generator process sent it; ``local`` where there is one only.
        phase: The plan phase whose window holds the arrival, or one of `ReservedPhase`.
        operation: A name of ``harness.contract.operations``.
        call_id: The call it belongs to; unique in the trial.
        attempt: 1 for the first sending, 2 for the first retry, and so on.
        intended_ns: When the plan wanted it sent.
        start_ns: When the client set out to send it (connecting included).
        end_ns: When the whole answer was there, or the attempt was given up.
        status: The HTTP status; 0 when no answer's head was read.
        code: The answer's CLOUD_* code; "" when it had none.
        outcome: A value of ``harness.contract.outcomes.Outcome``.
        service_us: ``(end - start)`` in microseconds.
        response_us: ``(end - intended)`` in microseconds.
        retry_after_s: The answer's Retry-After in seconds from its arrival; NaN when absent.
        idempotency_key: The key sent with it; "" when none was.
        resource_id: The session or run it created or spoke of; "" when none.
        replayed: 1 the answer said ``replayed: true``, 0 it said false, -1 it said nothing.
        bytes_out: Bytes of the request, head included.
        bytes_in: Bytes of the answer, head included.
        disposition: What the client did next (`Disposition`).
        evidence: What checks need and no other column says, as a JSON object; "" when
            nothing. Its keys by operation are in ``docs/reference/trial.md``.
        violation: How the answer breaks the contract, in words; "" when it does not.
    """

    worker: str
    phase: str
    operation: str
    call_id: int
    attempt: int
    intended_ns: int
    start_ns: int
    end_ns: int
    status: int
    code: str
    outcome: str
    service_us: int
    response_us: int
    retry_after_s: float
    idempotency_key: str
    resource_id: str
    replayed: int
    bytes_out: int
    bytes_in: int
    disposition: str
    evidence: str
    violation: str
