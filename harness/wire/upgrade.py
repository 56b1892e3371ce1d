"""
The upgrade: connect to where a URL leads, and ask for a WebSocket there.

Nothing is raised for what the network or the server does: like any exchange it ends in a
`Response`, whose detail never holds the URL, for that holds a token.

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
from harness.wire.transport import ExchangeError, Failure, Response, Target
from harness.wire.websocket import WebSocket

_SCHEMES = {"ws": "http", "wss": "https"}
_OLDER, _NEWER = b"HTTP/1.0 ", b"HTTP/1.1 "
"""A load balancer may refuse in HTTP/1.0, which the library does not read."""
_SILENT = logging.getLogger(__name__)
_SILENT.setLevel(logging.CRITICAL + 1)  # at DEBUG the library logs the target with the token


class SocketAddress(NamedTuple):
    """Where a socket's URL leads: its origin, and the request target with the token."""

    origin: Origin
    target: str


def parse_socket_url(url: str, token: str) -> SocketAddress:
    """
    Take a socket's URL apart and put the token into its query.

    Raises:
        UsageError: It is no ws or wss URL; the message does not repeat it.
    """
    try:
        parts = urlsplit(url)
        scheme = _SCHEMES[parts.scheme]
        if "@" in parts.netloc or parts.fragment:
            raise ValueError  # noqa: TRY301  told below
        origin = parse_origin(f"{scheme}://{parts.netloc}")
    except (ValueError, KeyError, UsageError):
        raise UsageError("the socket's URL is no ws:// or wss:// URL") from None
    query = f"{parts.query}&" if parts.query else ""
    target = f"{parts.path or '/'}?{query}token={quote(token, safe='')}"
    if not is_field_text(target) or " " in target:
        raise UsageError("the socket's URL holds what no request line can carry")
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
    Connect and ask for a WebSocket.

    Args:
        address: Where.
        target: Gives timeouts, TLS and bounds; none of its headers but ``user-agent``
            is sent: the token is all that a socket takes.
        make_context: Gives the TLS context for (ca_file, verify).
        deadline_ns: When to give up.
        connect_to: Host and port to connect to, where these are others than the place's.

    Returns:
        The reply (status 101 and a socket, or why not).
    """
    start_ns = unix_ns()
    stream: Stream | TlsStream | None = None
    request: _UpgradeRequest | None = None
    try:
        context = make_context(target.ca_file, target.verify) if address.origin.tls else None
        stream = dial(address.origin, context, target.timeouts, deadline_ns, connect_to)
        request = _UpgradeRequest(stream, address, target)
        upgrade, socket = request.send(deadline_ns)
    except Exception as error:  # noqa: BLE001  whatever it was, it is a reply
        if stream is not None:
            stream.close()
        failure, detail = _failure_of(error)
        sizes = request.sizes if request is not None else (0, 0)
        response = Response(0, b"", None, None, start_ns, unix_ns(), *sizes, failure, detail)
        return response, None
    except BaseException:  # the user was killed
        if stream is not None:
            stream.close()
        raise
    if socket is None:
        stream.close()
    retry_after = next(reversed(upgrade.headers.get_all("retry-after")), None)
    status, body = upgrade.status_code, bytes(upgrade.body)
    response = Response(status, body, retry_after, None, start_ns, unix_ns(), *request.sizes)
    return response, socket


class _UpgradeRequest:
    """An upgrade under way."""

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
        """Send the request and read the response; no socket when it is a refusal."""
        protocol, stream = self._protocol, self._stream
        stream.deadline_ns = deadline_ns
        sent, received = stream.send(b"".join(protocol.data_to_send())), 0
        events: list[Event] = []
        while not events:
            data = stream.receive()
            if not received and data.startswith(_OLDER):
                data = _NEWER + data[len(_OLDER) :]
            received += len(data)
            self.sizes = (sent, received)
            if data:
                protocol.receive_data(data)
            else:
                protocol.receive_eof()
            events = protocol.events_received()
            error = protocol.handshake_exc
            if error is not None and not data and not events:
                raise ExchangeError(Failure.RESET, "closed before the whole answer")
            if error is not None and not isinstance(error, InvalidStatus):
                raise error
        response, *frames = events
        assert isinstance(response, Upgrade)
        if error is not None:
            return response, None
        socket = WebSocket(stream, protocol, self._max_bytes)
        socket.bytes_in, socket.bytes_out = received, sent
        socket.process(frames)  # what came along with the response
        return response, socket


def _failure_of(error: Exception) -> tuple[Failure, str]:
    if isinstance(error, ExchangeError):
        return error.failure, error.detail
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return Failure.TLS, f"{error.reason or error}"
    if isinstance(error, OSError):
        return Failure.RESET, f"{error.strerror or type(error).__name__}"
    # The library's own messages may repeat what the server sent.
    words = type(error.__cause__ or error).__name__
    if isinstance(error, InvalidHeader):
        words = f"{words}: {error.name}"
    return Failure.MALFORMED, f"no answer to an upgrade ({words})"
