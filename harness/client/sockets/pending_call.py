"""One call over a socket and its result, in the terms of any other call."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from harness.client.transport_failures import FAILURE_INTERPRETATIONS
from harness.clock import unix_ns
from harness.contract.interpretation import Interpretation
from harness.contract.outcomes import Outcome
from harness.contract.sockets import Message, read_close
from harness.wire import Failure, Response
from harness.wire.transport import ExchangeError
from harness.wire.websocket import Close, WebSocket

Result = Message | Close | ExchangeError
"""How a pending call can end: a frame, the socket's end, or a failure."""


class SocketCall(NamedTuple):
    """
    One call to make over a socket.

    Attributes:
        frame: Makes the request's frame from its number.
        repeatable: Whether doing it twice has the effect of doing it once.
        describe: Makes the evidence; None for the reason of a failed action.
    """

    operation: str
    frame: Callable[[int], bytes]
    repeatable: bool
    describe: Callable[[Interpretation], str] | None = None


class PendingCall:
    """One request that was sent; ``error`` says why the sending failed."""

    def __init__(self, call: SocketCall, number: int, socket: WebSocket, start_ns: int) -> None:
        self.call = call
        self.number = number
        self.socket = socket
        self.error: ExchangeError | None = None
        self._start_ns = start_ns
        self._before = (socket.bytes_out, socket.bytes_in)

    def resolve(self, received: Result) -> tuple[Response, Interpretation]:
        """How it ended, as a response and its interpretation."""
        failure: Failure | None = None
        detail = ""
        if isinstance(received, Message):
            interpretation = received.interpretation
        elif isinstance(received, Close):
            interpretation = read_close(received.status, received.reason)
            if interpretation.outcome is Outcome.CONNECTION_LOST:
                failure, detail = Failure.RESET, received.reason
        else:
            failure, detail = received.failure, received.detail
            interpretation = FAILURE_INTERPRETATIONS[failure]
        bytes_out = self.socket.bytes_out - self._before[0]
        bytes_in = self.socket.bytes_in - self._before[1]
        times = (self._start_ns, unix_ns())
        response = Response(0, b"", None, None, *times, bytes_out, bytes_in, failure, detail)
        return response, interpretation


def failure_evidence(interpretation: Interpretation) -> str:
    """Why an action failed on the page, if it did."""
    state = interpretation.state
    return f'{{"failure":"{state}"}}' if state.isidentifier() else ""
