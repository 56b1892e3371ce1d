"""
One call over a socket: what is asked, and how it ended, in the terms of any other call.
"""

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
"""What a flight can end with: a frame, the socket's end, or a wait that was given up."""


class SocketCall(NamedTuple):
    """
    One call to make over a line.

    Attributes:
        operation: The attempts' operation.
        frame: Makes the request's frame from its number.
        repeatable: Whether doing it twice is like doing it once.
        describe: Evidence of an attempt; why it failed on the page, when absent.
    """

    operation: str
    frame: Callable[[int], bytes]
    repeatable: bool
    describe: Callable[[Interpretation], str] | None = None


class PendingCall:
    """
    One request that was sent.

    Attributes:
        call: What is asked.
        number: Its frame's number.
        socket: Where it was sent.
        error: Why the sending was given up; None while it was not.
    """

    def __init__(self, call: SocketCall, number: int, socket: WebSocket, start_ns: int) -> None:
        self.call = call
        self.number = number
        self.socket = socket
        self.error: ExchangeError | None = None
        self._start_ns = start_ns
        self._before = (socket.bytes_out, socket.bytes_in)

    def resolve(self, received: Result) -> tuple[Response, Interpretation]:
        """How it ended, as a reply and an answer."""
        failure: Failure | None = None
        detail = ""
        if isinstance(received, Message):
            interpretation = received.interpretation
        elif isinstance(received, Close):
            interpretation = read_close(received.status, received.reason)
            if interpretation.outcome is Outcome.CONNECTION_LOST:
                failure, detail = Failure.RESET, received.reason
        else:
            interpretation, failure, detail = (
                FAILURE_INTERPRETATIONS[received.failure],
                received.failure,
                received.detail,
            )
        sizes = (self.socket.bytes_out - self._before[0], self.socket.bytes_in - self._before[1])
        response = Response(
            0, b"", None, None, self._start_ns, unix_ns(), *sizes, failure, detail
        )  # fmt: skip
        return response, interpretation


def failure_evidence(interpretation: Interpretation) -> str:
    """Why an action failed on the page, where it did."""
    state = interpretation.state
    return f'{{"failure":"{state}"}}' if state.isidentifier() else ""
