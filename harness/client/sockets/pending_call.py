"""
One call over a socket: what is asked, and how it ended, in the terms of any other call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from harness.client.transport_failures import FAILED
from harness.clock import unix_ns
from harness.contract.interpretation import Answer
from harness.contract.outcomes import Outcome
from harness.contract.sockets import Heard, read_close
from harness.wire import Failure, Reply
from harness.wire.transport import ExchangeError
from harness.wire.websocket import Close, WebSocket

Landing = Heard | Close | ExchangeError
"""What a flight can end with: a frame, the socket's end, or a wait that was given up."""


class Ask(NamedTuple):
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
    describe: Callable[[Answer], str] | None = None


class Flight:
    """
    One request that was sent.

    Attributes:
        ask: What is asked.
        number: Its frame's number.
        socket: Where it was sent.
        broken: Why the sending was given up; None while it was not.
    """

    def __init__(self, ask: Ask, number: int, socket: WebSocket, start_ns: int) -> None:
        self.ask = ask
        self.number = number
        self.socket = socket
        self.broken: ExchangeError | None = None
        self._start_ns = start_ns
        self._before = (socket.bytes_out, socket.bytes_in)

    def land(self, heard: Landing) -> tuple[Reply, Answer]:
        """How it ended, as a reply and an answer."""
        failure: Failure | None = None
        detail = ""
        if isinstance(heard, Heard):
            answer = heard.answer
        elif isinstance(heard, Close):
            answer = read_close(heard.status, heard.reason)
            if answer.outcome is Outcome.CONNECTION_LOST:
                failure, detail = Failure.RESET, heard.reason
        else:
            answer, failure, detail = FAILED[heard.failure], heard.failure, heard.detail
        sizes = (
            self.socket.bytes_out - self._before[0],
            self.socket.bytes_in - self._before[1],
        )
        reply = Reply(
            0, b"", None, None, self._start_ns, unix_ns(), *sizes, failure, detail
        )  # fmt: skip
        return reply, answer


def evidence_of(answer: Answer) -> str:
    """Why an action failed on the page, where it did."""
    state = answer.state
    return f'{{"failure":"{state}"}}' if state.isidentifier() else ""
