"""
httpcore's sockets with a meter, which adds bounds and facts that httpx does not have.

httpx bounds each read, not a complete response that arrives slowly. It does not report how many
bytes went each way, nor whether a connection was reused. Bytes after a response stay in its
buffer and would begin the next one. httpcore's public network interface sees all of these.

`ResponseParser` reads an HTTP/1.1 response a second time: its bounds apply to both transports,
and it finds out whether anything followed the response.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any

import httpcore

from harness.clock import unix_ns
from harness.units import NS_PER_S
from harness.wire.response_parser import ResponseParser
from harness.wire.transport import ExchangeError, Failure

_WRITE_BYTES = 64 * 1024


class IoMeter:
    """
    One transport's bytes and bounds; reset before each exchange.

    Attributes:
        connect_by_ns: When a connection begun now must be established.
        dialled: Whether this exchange made a connection.
        ended: Whether the server ended the connection.
        parser: The second reading of the response; None unless it is plain HTTP/1.1.
    """

    __slots__ = (
        "bytes_in", "bytes_out", "connect_by_ns", "connect_ns", "deadline_ns", "dialled",
        "ended", "parser", "stream",
    )  # fmt: skip

    def __init__(self, connect_s: float) -> None:
        self.connect_ns = int(connect_s * NS_PER_S)
        self.stream: MeteredStream | None = None
        self.begin(0, None)

    def begin(self, deadline_ns: int, parser: ResponseParser | None) -> None:
        """Start a new exchange."""
        self.deadline_ns = deadline_ns
        self.connect_by_ns = deadline_ns
        self.parser = parser
        self.bytes_in = self.bytes_out = 0
        self.dialled = self.ended = False

    def drop(self) -> None:
        """Close the connection, whatever its state in httpcore."""
        if self.stream is not None:
            self.stream.close()

    def clamp(self, timeout: float | None, until_ns: int = 1 << 63) -> float:
        """Seconds that a wait may take; raise ExchangeError when the deadline has passed."""
        now_ns = unix_ns()
        if now_ns >= self.deadline_ns:
            raise ExchangeError(Failure.DEADLINE, "the deadline passed")
        left_s = (min(self.deadline_ns, until_ns) - now_ns) / NS_PER_S
        return max(left_s if timeout is None else min(timeout, left_s), 1e-6)


class MeteredBackend(httpcore.NetworkBackend):
    """Connects through httpcore's own backend, all addresses within one timeout."""

    def __init__(self, meter: IoMeter, via: tuple[str, int] | None = None) -> None:
        self._meter = meter
        self._via = via
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """As httpcore's; a name's addresses are tried one after the other."""
        meter = self._meter
        host, port = self._via or (host, port)
        meter.dialled = True
        meter.connect_by_ns = unix_ns() + meter.connect_ns
        options = list(socket_options or ())
        try:
            found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise ExchangeError(Failure.UNREACHABLE, f"name lookup: {error}") from None
        for left, (*_, address) in zip(range(len(found))[::-1], found, strict=True):
            wait_s = meter.clamp(timeout, meter.connect_by_ns)
            try:
                inner = self._inner.connect_tcp(
                    str(address[0]), port, wait_s, local_address, options
                )
            except httpcore.ConnectError:
                if not left:
                    raise
            else:
                break
        meter.stream = MeteredStream(inner, meter)
        return meter.stream


class MeteredStream(httpcore.NetworkStream):
    """One connection whose waits end at the deadline and whose bytes are counted."""

    def __init__(self, inner: httpcore.NetworkStream, meter: IoMeter) -> None:
        self._inner = inner
        self._meter = meter
        tls = inner.get_extra_info("ssl_object")
        self._speaks_http1 = tls is None or tls.selected_alpn_protocol() != "h2"
        if tls is not None:
            # An end without TLS's close_notify must not count as the end of a body.
            inner.get_extra_info("socket").suppress_ragged_eofs = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """As httpcore's; raises when the response exceeds a bound."""
        meter = self._meter
        data = self._inner.read(max_bytes, meter.clamp(timeout))
        meter.bytes_in += len(data)
        meter.ended = not data
        parser = meter.parser if self._speaks_http1 else None
        if parser is not None and not (meter.ended and parser.complete):
            parser.feed(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """As httpcore's, piece by piece."""
        meter = self._meter
        for begin in range(0, len(buffer), _WRITE_BYTES):
            piece = buffer[begin : begin + _WRITE_BYTES]
            self._inner.write(piece, meter.clamp(timeout))
            meter.bytes_out += len(piece)

    def close(self) -> None:
        """As httpcore's."""
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """As httpcore's; within the time to connect."""
        meter = self._meter
        wait_s = meter.clamp(timeout, meter.connect_by_ns)
        inner = self._inner.start_tls(ssl_context, server_hostname, wait_s)
        meter.stream = MeteredStream(inner, meter)
        return meter.stream

    def get_extra_info(self, info: str) -> Any:
        """As httpcore's."""
        return self._inner.get_extra_info(info)
