"""The one exception of the wire; it never leaves it."""

from __future__ import annotations

from harness.wire.transport import Failure


class BrokenExchangeError(Exception):
    """
    The exchange is over without a whole answer; ``exchange`` turns it into a reply.

    Attributes:
        failure: How it ended.
        detail: The same in a few words.
        sent: Bytes that the network had taken of what was being sent then.
    """

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(detail)
        self.failure = failure
        self.detail = detail
        self.sent = 0
