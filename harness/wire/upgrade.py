"""
Upgrade to a WebSocket: connect to where a URL leads, and send the request.

Like any exchange it ends in a `Response` and raises nothing for what the network or the server
does. The response's detail never has the URL, which has a token.

Source: RFC 6455, section 4.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHeader, InvalidStatus
from websockets.http11 import Response as Upgrade
from websockets.protocol import Event
from websockets.uri import WebSocketURI

from harness.clock import unix_ns
from harness.errors import UsageError
from harness.wire.fast.dial import dial
from harness.wire.fast.stream import Stream
from harness.wire.fast.tls import TlsStream
from harness.wire.origin import Origin, is_field_text, parse_origin
from harness.wire.transport import ExchangeError, Failure, Response, Target, failure_of
from harness.wire.websocket import WebSocket

_SCHEMES = {"ws": "http", "wss": "https"}
_HTTP10, _HTTP11 = b"HTTP/1.0 ", b"HTTP/1.1 "
"""A load balancer may refuse in HTTP/1.0, which the library does not read."""
_SILENT = logging.getLogger(__name__)
_SILENT.setLevel(logging.CRITICAL + 1)  # at DEBUG the library logs the target with the token


class SocketAddress(NamedTuple):
    """Where a socket's URL leads: its origin, and the request target with the token."""

    origin: Origin
    target: str


def parse_socket_url(url: str, token: str) -> SocketAddress:
    """Parse a socket's URL and add the token to its query; a UsageError does not repeat the URL."""
    try:
        parts = urlsplit(url)
        scheme = _SCHEMES[parts.scheme]
        if "@" in parts.netloc or parts.fragment:
            raise ValueError  # noqa: TRY301  reported below
        origin = parse_origin(f"{scheme}://{parts.netloc}")
    except (ValueError, KeyError, UsageError):
        raise UsageError("the socket's URL is not a ws:// or wss:// URL") from None
    query = f"{parts.query}&" if parts.query else ""
    target = f"{parts.path or '/'}?{query}token={quote(token, safe='')}"
    if not is_field_text(target) or " " in target:
        raise UsageError("the socket's URL has characters that a request line cannot have")
    return SocketAddress(origin, target)


def upgrade(
    address: SocketAddress,
    target: Target,
    make_context: Callable[[str | None, bool], ssl.SSLContext],
    deadline_ns: int,
    *,
    connect_to: tuple[str, int] | None = None,
) -> tuple[Response, WebSocket | None]:
    """
    Connect and request a WebSocket; return the response, with the socket when its status is 101.

    Args:
        target: Gives timeouts, TLS, bounds and the ``user-agent`` header; the token is all
            else that a socket needs.
        make_context: Makes the TLS context for (ca_file, verify).
        connect_to: Host and port to connect to instead of the address's own.
    """
    start_ns = unix_ns()
    stream: Stream | TlsStream | None = None
    request: _UpgradeRequest | None = None
    try:
        context = make_context(target.ca_file, target.verify) if address.origin.tls else None
        stream = dial(address.origin, context, target.timeouts, deadline_ns, connect_to)
        request = _UpgradeRequest(stream, address, target)
        upgrade, socket = request.send(deadline_ns)
    except BaseException as error:
        if stream is not None:
            stream.close()
        if not isinstance(error, Exception):  # the user was killed
            raise
        failure, detail = _failure_of(error)
        sizes = request.sizes if request is not None else (0, 0)
        response = Response(0, b"", None, None, start_ns, unix_ns(), *sizes, failure, detail)
        return response, None
    if socket is None:
        stream.close()
    retry_after = next(reversed(upgrade.headers.get_all("retry-after")), None)
    status, body = upgrade.status_code, bytes(upgrade.body)
    response = Response(status, body, retry_after, None, start_ns, unix_ns(), *request.sizes)
    return response, socket


class _UpgradeRequest:
    """An upgrade in progress."""

    def __init__(self, stream: Stream | TlsStream, address: SocketAddress, target: Target) -> None:
        origin, (path, _, query) = address.origin, address.target.partition("?")
        uri = WebSocketURI(origin.tls, origin.host, origin.port, path, query)
        self._max_bytes = target.max_body_bytes
        self._protocol = ClientProtocol(uri, max_size=self._max_bytes, logger=_SILENT)
        request = self._protocol.connect()
        request.headers.update([field for field in target.headers if field[0] == "user-agent"])
        self._protocol.send_request(request)
        self._stream = stream
        self.sizes = (0, 0)

    def send(self, deadline_ns: int) -> tuple[Upgrade, WebSocket | None]:
        """Send the request and read the response; the socket is None for a refusal."""
        protocol, stream = self._protocol, self._stream
        stream.deadline_ns = deadline_ns
        sent, received = stream.send(b"".join(protocol.data_to_send())), 0
        events: list[Event] = []
        while not events:
            data = stream.receive()
            if not received and data.startswith(_HTTP10):
                data = _HTTP11 + data[len(_HTTP10) :]
            received += len(data)
            self.sizes = (sent, received)
            if data:
                protocol.receive_data(data)
            else:
                protocol.receive_eof()
            events = protocol.events_received()
            error = protocol.handshake_exc
            if error is not None and not data and not events:
                raise ExchangeError(Failure.RESET, "closed before the complete response")
            if error is not None and not isinstance(error, InvalidStatus):
                raise error
        response, *frames = events
        assert isinstance(response, Upgrade)
        if error is not None:
            return response, None
        socket = WebSocket(stream, protocol, self._max_bytes)
        socket.bytes_in, socket.bytes_out = received, sent
        socket.process(frames)  # frames that followed the response
        return response, socket


def _failure_of(error: Exception) -> tuple[Failure, str]:
    if isinstance(error, ExchangeError | OSError):
        return failure_of(error)
    # The library's own messages may repeat what the server sent.
    words = type(error.__cause__ or error).__name__
    if isinstance(error, InvalidHeader):
        words = f"{words}: {error.name}"
    return Failure.MALFORMED, f"not a response to an upgrade ({words})"
