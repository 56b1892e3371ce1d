"""
A WebSocket over our gevent streams: wsproto frames, we wait.

`upgrade` connects and asks; a `WebSocket` is used by one greenlet at a time, which
sends, waits for messages until a deadline, and in between lets the socket be looked
after (`attend`): pings are answered and closes noticed whenever somebody waits.
Nothing is raised for what the network or the server does in an upgrade: like any
exchange it ends in a `Reply`, whose detail never holds the URL, for that holds a token.

Source: RFC 6455.
"""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from wsproto import ConnectionType, WSConnection, events
from wsproto.utilities import LocalProtocolError, ProtocolError

from harness.clock import unix_ns
from harness.errors import UsageError
from harness.units import NS_PER_S
from harness.wire.broken import BrokenExchangeError
from harness.wire.fast.dial import dial
from harness.wire.fast.secure import SecureStream
from harness.wire.fast.stream import Stream
from harness.wire.origin import Origin, is_field_text, parse_origin
from harness.wire.transport import Failure, Reply, Target

ABNORMAL = 1006
_TOO_BIG = 1009
_SCHEMES = {"ws": "http", "wss": "https"}
_REFUSAL_BYTES_MAX = 64 * 1024
_BARE = "the connection ended without a close"
_FAREWELL_S = 1.0
_LATE = frozenset({Failure.READ_TIMEOUT, Failure.DEADLINE})
_ENDS = (OSError, ProtocolError)


class Close(NamedTuple):
    """
    How a socket ended.

    Attributes:
        status: The close frame's status; 1006 when there was no frame, 1002 or 1007 when
            what the server sent breaks the protocol.
        reason: Its reason; what went wrong, when there was no frame.
    """

    status: int
    reason: str


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


class WebSocket:
    """
    One open socket.

    Attributes:
        closed: How it ended; None while it is open.
        bytes_in: Bytes read so far, the upgrade's answer included.
        bytes_out: Bytes handed to the network so far.
    """

    def __init__(
        self, stream: Stream | SecureStream, connection: WSConnection, max_bytes: int
    ) -> None:
        self._stream = stream
        self._connection = connection
        self._max_bytes = max_bytes
        self._messages: deque[bytes] = deque()
        self._parts: list[bytes] = []
        self._size = 0
        self.closed: Close | None = None
        self.bytes_in = 0
        self.bytes_out = 0

    def send(self, message: bytes, deadline_ns: int) -> None:
        """
        Send one text message; on a socket that has ended nothing happens.

        Raises:
            BrokenExchangeError: The server took nothing until the deadline.
        """
        self._stream.deadline_ns = deadline_ns
        self._send(events.TextMessage(data=message.decode()))

    def receive(self, deadline_ns: int) -> bytes | None:
        """
        Wait for one whole message, text or binary; None when the socket has ended.

        Raises:
            BrokenExchangeError: None came until the deadline.
        """
        while not self._messages:
            if self.closed is not None:
                return None
            self._stream.deadline_ns = deadline_ns
            self._take_in()
        return self._messages.popleft()

    def attend(self, seconds: float) -> bool:
        """
        Look after the socket for a while: answer pings, keep messages, notice the end.

        Returns:
            Whether it is still open.
        """
        until_ns = unix_ns() + int(seconds * NS_PER_S)
        while self.closed is None and unix_ns() < until_ns:
            self._stream.deadline_ns = until_ns
            try:
                self._take_in()
            except BrokenExchangeError as broken:
                if broken.failure not in _LATE:
                    self._end(ABNORMAL, broken.detail)
        return self.closed is None

    def close(self, status: int = 1000) -> None:
        """Say farewell, wait a second at most for the server's, and leave."""
        if self.closed is None:
            deadline_ns = unix_ns() + int(_FAREWELL_S * NS_PER_S)
            self._stream.deadline_ns = deadline_ns
            try:
                self._send(events.CloseConnection(code=status))
                while self.closed is None:
                    self._take_in()
            except BrokenExchangeError:
                pass
        self.drop()

    def drop(self) -> None:
        """Leave without a word; a second call does nothing."""
        self._end(ABNORMAL, "dropped")
        self._stream.close()

    def _end(self, status: int, reason: str) -> None:
        if self.closed is None:
            self.closed = Close(status, reason)
            self._stream.close()

    def _send(self, event: events.Event) -> None:
        try:
            data = self._connection.send(event)
        except LocalProtocolError:  # it is closing already
            return
        sent = 0
        # A stream stops early when there is something to read; a socket goes both ways.
        while sent < len(data) and self.closed is None:
            taken = self._stream.send(data[sent:])
            sent += taken
            self.bytes_out += taken
            if sent < len(data):
                self._take_in()

    def _take_in(self) -> None:
        """Wait for bytes and take them in; the end of the connection is a close too."""
        try:
            data = self._stream.receive()
            self.bytes_in += len(data)
            self._connection.receive_data(data or None)
            for event in self._connection.events():
                self._handle(event)
        except BrokenExchangeError:
            raise
        except _ENDS as error:
            self._end(ABNORMAL, type(error).__name__)
            return
        if not data:
            self._end(ABNORMAL, _BARE)

    def _handle(self, event: events.Event) -> None:
        if isinstance(event, events.TextMessage | events.BytesMessage):
            data = event.data.encode() if isinstance(event.data, str) else bytes(event.data)
            self._size += len(data)
            if self._size > self._max_bytes:
                self._send(events.CloseConnection(code=_TOO_BIG))
                self._end(_TOO_BIG, "a message longer than is read")
                return
            self._parts.append(data)
            if event.message_finished:
                self._messages.append(b"".join(self._parts))
                self._parts, self._size = [], 0
        elif isinstance(event, events.Ping):
            self._send(event.response())
        elif isinstance(event, events.CloseConnection):
            status, reason = int(event.code), event.reason or ""
            if status == ABNORMAL:
                reason = _BARE
            try:
                self._send(event.response())
            finally:
                self._end(status, reason)


def upgrade(
    place: Place,
    target: Target,
    make_context: Callable[[str | None, bool], ssl.SSLContext],
    deadline_ns: int,
) -> tuple[Reply, WebSocket | None]:
    """
    Connect and ask for a WebSocket.

    Args:
        place: Where.
        target: Gives timeouts, TLS and bounds; none of its headers but ``user-agent``
            is sent: the token is all that a socket takes.
        make_context: Gives the TLS context for (ca_file, verify).
        deadline_ns: When to give up.

    Returns:
        The reply (status 101 and a socket, or why not).
    """
    start_ns = unix_ns()
    stream: Stream | SecureStream | None = None
    asking: _Asking | None = None
    try:
        context = make_context(target.ca_file, target.verify) if place.origin.tls else None
        stream = dial(place.origin, context, target.timeouts, deadline_ns)
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
                raise BrokenExchangeError(Failure.RESET, "closed before the whole answer")
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
    if isinstance(error, BrokenExchangeError):
        return error.failure, error.detail
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return Failure.TLS, f"{error.reason or error}"
    if isinstance(error, OSError):
        return Failure.RESET, f"{error.strerror or type(error).__name__}"
    return Failure.MALFORMED, f"no answer to an upgrade ({type(error).__name__})"
