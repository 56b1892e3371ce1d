"""
Uvicorn's connections, with bounds on the size of a head and the duration of a request.

Uvicorn would buffer a head of any length, and wait for a request forever. Here a head, with
chunk framing and trailers, has a maximum length, and a request has a maximum time from its first
byte (or the connection's start) to its last. A violation is answered, and the connection closed.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from harness.clock import unix_ns
from harness.standin.response_bodies import error_body

HEAD_BYTES_MAX = 64 * 1024
_BYTES_PER_BODY_BYTE = 8  # "1\r\nx\r\n" has six
_NEVER_NS = 1 << 62
_CHECKS_PER_TIMEOUT = 4


class Connection(HttpToolsProtocol):
    """One connection; the sweeper calls `close_if_late`."""

    _since_ns = _NEVER_NS  # start of the awaited or incomplete request
    _bytes = 0  # of that request, with framing
    _body_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for the first request."""
        self._since_ns = unix_ns()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and refuse a head that is too long."""
        self._bytes += len(data)
        super().data_received(data)
        bound = HEAD_BYTES_MAX + _BYTES_PER_BODY_BYTE * self._body_bytes
        if self._bytes > bound and not self.transport.is_closing():
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"a head of more than {HEAD_BYTES_MAX} bytes",
            )

    def on_message_begin(self) -> None:
        """A request begins."""
        self._since_ns = unix_ns()
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        """Count the body's bytes."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete; the server's time does not count."""
        self._since_ns = _NEVER_NS
        self._bytes = self._body_bytes = 0
        super().on_message_complete()

    def close_if_late(self, before_ns: int) -> None:
        """Refuse an incomplete request that began before an instant."""
        if self._since_ns < before_ns and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request is incomplete")

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        if self._is_next_to_be_answered():
            body = error_body(message, "")
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self.transport.close()

    def _is_next_to_be_answered(self) -> bool:
        """Otherwise a refusal would be taken for an earlier request's response."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return True
        return cycle.more_body and not cycle.response_started and not self.pipeline


async def close_late_requests(state: ServerState, timeout_s: float) -> None:
    """Periodically refuse requests that take longer than `timeout_s` to arrive."""
    while True:
        await asyncio.sleep(timeout_s / _CHECKS_PER_TIMEOUT)
        before_ns = unix_ns() - round(timeout_s * 1e9)
        for connection in list(state.connections):
            if isinstance(connection, Connection):
                connection.close_if_late(before_ns)
