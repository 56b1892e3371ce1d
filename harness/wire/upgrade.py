"""
The upgrade: connect to where a URL leads, and ask for a WebSocket there.

Nothing is raised for what the network or the server does: like any exchange it ends in a
`Reply`, whose detail never holds the URL, for that holds a token.

Source: RFC 6455, section 4.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from wsproto import ConnectionType, WSConnection, events

from harness.clock import unix_ns
from harness.errors import UsageError
from harness.wire.fast.dial import dial
from harness.wire.fast.stream import Stream
from harness.wire.fast.tls import SecureStream
from harness.wire.origin import Origin, is_field_text, parse_origin
from harness.wire.transport import ExchangeError, Failure, Reply, Target
from harness.wire.websocket import WebSocket

_SCHEMES = {"ws": "http", "wss": "https"}
_REFUSAL_BYTES_MAX = 64 * 1024
_FIXED_WORDS = ("Bad accept token", "Missing header")
"""Of wsproto's own making; other messages of its may repeat what the server sent."""


class Place(NamedTuple):
    """Where a socket's URL leads: its origin, and the request target with the token."""

    origin: Origin
    target: str


def find_place(url: str, token: str) -> Place:
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
    return Place(origin, target)


def upgrade(
    place: Place,
    target: Target,
    make_context: Callable[[str | None, bool], ssl.SSLContext],
    deadline_ns: int,
    *,
    at: tuple[str, int] | None = None,
) -> tuple[Reply, WebSocket | None]:
    """
    Connect and ask for a WebSocket.

    Args:
        place: Where.
        target: Gives timeouts, TLS and bounds; none of its headers but ``user-agent``
            is sent: the token is all that a socket takes.
        make_context: Gives the TLS context for (ca_file, verify).
        deadline_ns: When to give up.
        at: Host and port to connect to, where these are others than the place's.

    Returns:
        The reply (status 101 and a socket, or why not).
    """
    start_ns = unix_ns()
    stream: Stream | SecureStream | None = None
    asking: _Asking | None = None
    try:
        context = make_context(target.ca_file, target.verify) if place.origin.tls else None
        stream = dial(place.origin, context, target.timeouts, deadline_ns, at)
        asking = _Asking(stream, place, target)
        socket = asking.ask(deadline_ns)
    except Exception as error:  # noqa: BLE001  whatever it was, it is a reply
        if stream is not None:
            stream.close()
        failure, detail = _why(error)
        sizes = asking.sizes if asking is not None else (0, 0)
        reply = Reply(0, b"", None, None, start_ns, unix_ns(), *sizes, failure, detail)
        return reply, None
    except BaseException:  # the user was killed
        if stream is not None:
            stream.close()
        raise
    if socket is None:
        stream.close()
    body = bytes(asking.body)
    reply = Reply(
        asking.status, body, asking.retry_after, None, start_ns, unix_ns(), *asking.sizes
    )
    return reply, socket


class _Asking:
    """An upgrade under way."""

    def __init__(self, stream: Stream | SecureStream, place: Place, target: Target) -> None:
        self._connection = WSConnection(ConnectionType.CLIENT)
        self._stream = stream
        self._max_bytes = target.max_body_bytes
        agent = [(n.encode(), v.encode()) for n, v in target.headers if n == "user-agent"]
        self._request = self._connection.send(
            events.Request(
                host=place.origin.authority, target=place.target, extra_headers=agent
            )
        )
        self.status = 0
        self.body = bytearray()
        self.retry_after: str | None = None
        self.sizes = (0, 0)

    def ask(self, deadline_ns: int) -> WebSocket | None:
        """Send the request, read the answer; None when it is a refusal."""
        self._stream.deadline_ns = deadline_ns
        sent, received, over = self._stream.send(self._request), 0, False
        socket: WebSocket | None = None
        while not over:
            data = self._stream.receive()
            received += len(data)
            self.sizes = (sent, received)
            if not data:
                raise ExchangeError(Failure.RESET, "closed before the whole answer")
            self._connection.receive_data(data)
            for event in self._connection.events():
                if isinstance(event, events.AcceptConnection):
                    self.status = 101
                    socket = WebSocket(self._stream, self._connection, self._max_bytes)
                    socket.bytes_in, socket.bytes_out = received, sent
                    over = True
                elif socket is not None:
                    socket._handle(event)  # noqa: SLF001  what came along with the answer
                else:
                    over = self._refused(event)
        return socket

    def _refused(self, event: events.Event) -> bool:
        if isinstance(event, events.RejectConnection):
            self.status = event.status_code
            for name, value in event.headers:
                if name.lower() == b"retry-after":
                    self.retry_after = value.decode("latin-1")
            return not event.has_body
        if isinstance(event, events.RejectData):
            self.body += event.data
            return event.body_finished or len(self.body) > _REFUSAL_BYTES_MAX
        return False


def _why(error: Exception) -> tuple[Failure, str]:
    if isinstance(error, ExchangeError):
        return error.failure, error.detail
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return Failure.TLS, f"{error.reason or error}"
    if isinstance(error, OSError):
        return Failure.RESET, f"{error.strerror or type(error).__name__}"
    told = str(error)
    words = told if told.startswith(_FIXED_WORDS) else type(error).__name__
    return Failure.MALFORMED, f"no answer to an upgrade ({words})"
