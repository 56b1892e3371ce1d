"""
Connections that end: uvicorn's own, with bounds on what it lets a client do for ever.

It would collect a head of any length (and copy it again with every packet), and wait
for the rest of a request as long as it takes. Here a head, chunk framing and trailers
included, has a length; and a request has a time from its first byte (or from the
connection's beginning) to its last. Both are refused in a word, and the connection is
closed.
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
_CHECKS_PER_TIMEOUT = 4  # within the time of one request


class Connection(HttpToolsProtocol):
    """One connection; `close_if_late` is for the sweeper."""

    _since_ns = _NEVER_NS  # when the request that is awaited or under way began
    _bytes = 0  # of that request, framing included
    _body_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first request is awaited."""
        self._since_ns = unix_ns()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and refuse a head that has become too long."""
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
        """Count what is body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole: what it takes now is the server's time."""
        self._since_ns = _NEVER_NS
        self._bytes = self._body_bytes = 0
        super().on_message_complete()

    def close_if_late(self, before_ns: int) -> None:
        """Refuse a request that began before an instant and is not whole."""
        if self._since_ns < before_ns and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request did not come to its end")

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
        """Else a refusal would be taken for the answer to an earlier request."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return True
        return cycle.more_body and not cycle.response_started and not self.pipeline


async def close_late_requests(state: ServerState, timeout_s: float) -> None:
    """End the requests that take longer than so to arrive, again and again."""
    while True:
        await asyncio.sleep(timeout_s / _CHECKS_PER_TIMEOUT)
        before_ns = unix_ns() - round(timeout_s * 1e9)
        for connection in list(state.connections):
            if isinstance(connection, Connection):
                connection.close_if_late(before_ns)
