"""
The kinds of network faults; a new kind overrides the hooks it needs.

An exchange is one request and its response, or an entire TLS connection. At most one fault that
closes the connection applies to an exchange; any number of others can apply together.
"""
# ruff: noqa: D102  the hooks are documented in `Fault`

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Protocol

from harness.faults.spec import BandwidthSpec, LatencySpec, NetworkFault, SlowSpec
from harness.units import NS_PER_S

_PIECES_PER_S = 50


class Connection(Protocol):
    """What a fault may do to its connection."""

    def cut(self, *, reset: bool) -> None:
        """End the client's side by RST or FIN; the target's side goes on."""

    async def discard_input(self) -> None:
        """Discard what the client sends until it disconnects."""


class Fault:
    """The base of every kind; it does nothing."""

    closes_connection = False  # whether it ends the connection

    def __init__(self, spec: NetworkFault, rng: Random) -> None:
        self.spec = spec
        self.rng = rng
        self.piece_bytes = 0  # the largest piece to send in each direction; 0 for no limit

    async def before_request(self, connection: Connection) -> None:
        """Act before the request's first byte is forwarded."""

    async def pace_request(self, size_bytes: int) -> None:
        """Wait before this many bytes of the request are forwarded."""

    def after_request(self, connection: Connection) -> None:
        """Act when the complete request is forwarded."""

    async def pace_response(self, size_bytes: int) -> None:
        """Wait before this many bytes of the response are forwarded."""

    def filter_response(self, data: bytes, connection: Connection, *, last: bool) -> bytes:  # noqa: ARG002  subclasses use it
        """The bytes to forward in place of `data`."""
        return data

    def after_piece(self, connection: Connection) -> None:
        """Act when a piece of the response is forwarded."""


class Latency(Fault):
    """Delays a request's first byte by a fixed time ± uniform jitter."""

    spec: LatencySpec

    async def before_request(self, connection: Connection) -> None:  # noqa: ARG002  unused
        jitter_ns = self.rng.uniform(-self.spec.jitter_ns, self.spec.jitter_ns)
        await asyncio.sleep(max(0.0, self.spec.latency_ns + jitter_ns) / NS_PER_S)


class Bandwidth(Fault):
    """Sends request and response at a given rate, in pieces of 1/50 s."""

    spec: BandwidthSpec

    def __init__(self, spec: BandwidthSpec, rng: Random) -> None:
        super().__init__(spec, rng)
        self.piece_bytes = max(1, spec.rate_bytes_per_s // _PIECES_PER_S)

    async def pace_request(self, size_bytes: int) -> None:
        await asyncio.sleep(size_bytes / self.spec.rate_bytes_per_s)

    pace_response = pace_request


class Slow(Fault):
    """Sends the response byte by byte, evenly spaced."""

    spec: SlowSpec

    def __init__(self, spec: SlowSpec, rng: Random) -> None:
        super().__init__(spec, rng)
        self.piece_bytes = 1

    async def pace_response(self, size_bytes: int) -> None:
        await asyncio.sleep(size_bytes / self.spec.rate_bytes_per_s)


class Reset(Fault):
    """
    Resets the connection before a byte is forwarded: ``refuse`` and ``reset-before``.

    ``refuse`` applies when a connection is accepted. A total refusal closes the listening
    socket instead, so that the client gets ECONNREFUSED.
    """

    closes_connection = True

    async def before_request(self, connection: Connection) -> None:
        connection.cut(reset=True)


class ResetAfter(Fault):
    """Resets the client's side when the complete request is forwarded: the work is done."""

    closes_connection = True

    def after_request(self, connection: Connection) -> None:
        connection.cut(reset=True)


class Blackhole(Fault):
    """Forwards nothing and stays open; only the client's timeout ends the wait."""

    closes_connection = True

    async def before_request(self, connection: Connection) -> None:
        await connection.discard_input()


class ResponseLost(Fault):
    """Discards the response and closes when it is complete: the target finishes its work."""

    closes_connection = True

    def filter_response(self, data: bytes, connection: Connection, *, last: bool) -> bytes:  # noqa: ARG002  unused
        if last:
            connection.cut(reset=False)
        return b""


class ResponseTruncated(Fault):
    """Closes at a seeded place in the response's first piece, neither at its start nor its end."""

    closes_connection = True

    def filter_response(self, data: bytes, connection: Connection, *, last: bool) -> bytes:  # noqa: ARG002  unused
        return data[: self.rng.randrange(1, len(data))] if len(data) > 1 else b""

    def after_piece(self, connection: Connection) -> None:
        connection.cut(reset=False)


FAULTS: Mapping[str, type[Fault]] = {
    "latency": Latency,
    "bandwidth": Bandwidth,
    "refuse": Reset,
    "reset-before": Reset,
    "reset-after": ResetAfter,
    "response-lost": ResponseLost,
    "response-truncated": ResponseTruncated,
    "blackhole": Blackhole,
    "slow": Slow,
}
"""A key of `harness.faults.spec.KINDS` → its class."""
