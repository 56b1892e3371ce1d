"""
What every fault can do to an exchange; this one does nothing at all.

An exchange is one request and its answer, or a whole TLS connection. A new fault
starts as a copy of this class in a file of its own and overrides what it needs. Most
faults are *cutters*: they end the connection, and at most one of them strikes an
exchange. *Shapers* only slow it and can strike together.
"""

from __future__ import annotations

from random import Random
from typing import Protocol

from harness.faults.spec import NetworkFault


class Connection(Protocol):
    """What a fault may do to the connection that it struck."""

    def cut(self, *, reset: bool) -> None:
        """End the client's side now, by RST or by FIN; the target's side goes on."""

    async def discard_input(self) -> None:
        """Read and drop whatever the client sends, until it leaves."""


class Fault:
    """
    Does nothing: the base and the model of every kind.

    Attributes:
        closes_connection: It ends the connection.
        piece_bytes: Send at most this many bytes at once each way; 0 for no limit.
    """

    closes_connection = False

    def __init__(self, spec: NetworkFault, rng: Random) -> None:
        self.spec = spec
        self.rng = rng
        self.piece_bytes = 0

    async def before_request(self, connection: Connection) -> None:
        """Act before the request's first byte is forwarded."""

    async def pace_request(self, size_bytes: int) -> None:
        """Wait before that many bytes of the request are forwarded."""

    def after_request(self, connection: Connection) -> None:
        """Act when the request has been forwarded whole."""

    async def pace_response(self, size_bytes: int) -> None:
        """Wait before that many bytes of the answer are forwarded."""

    def filter_response(self, data: bytes, connection: Connection, *, last: bool) -> bytes:  # noqa: ARG002  others do
        """The bytes of the answer to forward in the place of `data`."""
        return data

    def after_piece(self, connection: Connection) -> None:
        """Act when a piece of the answer has been forwarded."""
