"""
The attempt record: one request of one call, and how it ended.

Everything after the load is computed from these records. Times are Unix nanoseconds of the
generator's own monotonic clock (``harness.clock``)::

    intended ───── start ───────────── end
        │            └──── service ─────┘      what the target took
        └───────────── response ────────┘      what a caller on schedule waits

``intended`` is when the plan wants the request sent. For a call's first attempt it is the
arrival's time (for later calls of one arrival, the moment the scenario makes them), for a retry
the end of its wait. So a stall of the target or of the generator shows in the response time of
everything that queued behind it (Tene, "How NOT to Measure Latency"; wrk2's README).
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Disposition(StrEnum):
    """What the client did after an attempt."""

    DONE = "done"
    """The call ended: the outcome is one that ends a call."""
    RETRIED = "retried"
    """Another attempt followed, unless the trial was stopped during the wait before it."""
    NOT_REPEATABLE = "not_repeatable"
    """It failed, but a second sending might act twice."""
    ATTEMPTS_SPENT = "attempts_spent"
    BUDGET_SPENT = "budget_spent"
    """The retry budget was empty: retries must not multiply an outage."""
    DEADLINE = "deadline"
    """The wait before the next attempt would exceed the call's deadline."""
    STOPPED = "stopped"
    """The trial was being stopped."""


class ReservedPhase(StrEnum):
    """Reserved phase names; a plan's own phases have other names, except for ``load``."""

    LOAD = "load"
    """The only phase of a load that names none."""
    PROBE = "probe"
    """Sent to reveal broken promises; outside every SLO."""
    CLEANUP = "cleanup"
    """Sent to close what the trial opened; outside every SLO."""
    PREFLIGHT = "preflight"


class Attempt(NamedTuple):
    """
    One request of a call.

    Attributes:
        worker: The generator process that sent it; ``local`` where there is only one.
        phase: The plan phase whose window holds the arrival, or a `ReservedPhase`.
        operation: A name of ``harness.contract.operations``.
        call_id: The call it belongs to; unique in the trial.
        attempt: 1 for the first sending, 2 for the first retry, and so on.
        intended_ns: When the plan wanted it sent.
        start_ns: When the client began to send it (connecting included).
        end_ns: When the response was complete, or the attempt was abandoned.
        status: The HTTP status; 0 when no head was read.
        code: The response's CLOUD_* code; "" for none.
        outcome: A value of ``harness.contract.outcomes.Outcome``.
        service_us: ``(end - start)`` in microseconds.
        response_us: ``(end - intended)`` in microseconds.
        retry_after_s: The Retry-After in seconds from the response; NaN when absent.
        idempotency_key: "" for none.
        resource_id: The session or run it created or refers to; "" for none.
        replayed: 1 for ``replayed: true``, 0 for false, -1 when absent.
        bytes_out: Bytes of the request, head included.
        bytes_in: Bytes of the response, head included.
        disposition: What the client did next (`Disposition`).
        evidence: What checks need and no other column says, as a JSON object; "" for
            nothing. Its keys by operation are in ``docs/reference/trial.md``.
        violation: How the response breaks the contract, in words; "" when it does not.
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
