"""What a transport failure means for a call: the outcome without a complete response."""

from __future__ import annotations

from harness.contract.interpretation import Interpretation
from harness.contract.outcomes import Outcome
from harness.wire import Failure

FAILURE_INTERPRETATIONS: dict[Failure, Interpretation] = {
    failure: Interpretation(outcome)
    for outcome, failures in {
        Outcome.TIMEOUT: (
            Failure.CONNECT_TIMEOUT,
            Failure.SEND_TIMEOUT,
            Failure.READ_TIMEOUT,
            Failure.DEADLINE,
        ),
        Outcome.CONNECTION_REFUSED: (Failure.REFUSED, Failure.UNREACHABLE, Failure.TLS),
        Outcome.CONNECTION_LOST: (Failure.RESET, Failure.STALE),
        Outcome.INVALID_RESPONSE: (Failure.MALFORMED,),
    }.items()
    for failure in failures
}
"""The interpretation in place of a response."""

NEVER_SENT = frozenset({Failure.CONNECT_TIMEOUT, Failure.REFUSED, Failure.UNREACHABLE, Failure.TLS})
"""Failures before the first byte of the request: certainly without effect."""
