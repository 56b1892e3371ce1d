"""
A WebSocket over our gevent streams: wsproto frames, we wait.

It is used by one greenlet at a time, which sends, waits for messages until a deadline,
and in between lets the socket be looked after (`attend`): pings are answered and closes
noticed whenever somebody waits. `harness.wire.upgrade` opens it.

Source: RFC 6455.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from wsproto import WSConnection, events
from wsproto.utilities import LocalProtocolError, ProtocolError

from harness.clock import unix_ns
from harness.units import NS_PER_S
from harness.wire.fast.stream import Stream
from harness.wire.fast.tls import SecureStream
from harness.wire.transport import ExchangeError, Failure

ABNORMAL = 1006
_TOO_BIG = 1009
_BARE = "the connection ended without a close"
_FAREWELL_S = 1.0
_EACH_BYTES = 1  # what a message that is kept counts besides: an empty one is no gift either
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
        self._kept_bytes = 0
        self._unsent = bytearray()
        self._sending = False
        self._parts: list[bytes] = []
        self._size = 0
        self.closed: Close | None = None
        self.bytes_in = 0
        self.bytes_out = 0

    def send(self, message: bytes, deadline_ns: int) -> None:
        """
        Send one text message; on a socket that has ended nothing happens.

        Raises:
            ExchangeError: The server took nothing until the deadline.
        """
        self._stream.deadline_ns = deadline_ns
        self._send(events.TextMessage(data=message.decode()))

    def receive(self, deadline_ns: int) -> bytes | None:
        """
        Wait for one whole message, text or binary; None when the socket has ended.

        Raises:
            ExchangeError: None came until the deadline.
        """
        while not self._messages:
            if self.closed is not None:
                return None
            self._stream.deadline_ns = deadline_ns
            self._take_in()
        return self._take_out()

    def attend(self, seconds: float) -> bool:
        """
        Look after the socket for a while: answer pings, keep messages, notice the end.

        Of messages that nobody receives the newest are kept, as much as one may be long.

        Returns:
            Whether it is still open.
        """
        until_ns = unix_ns() + int(seconds * NS_PER_S)
        while self.closed is None and unix_ns() < until_ns:
            self._stream.deadline_ns = until_ns
            try:
                self._take_in()
            except ExchangeError as broken:
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
            except ExchangeError:
                pass
        self.drop()

    def drop(self) -> None:
        """Leave without a word; a second call does nothing."""
        self._end(ABNORMAL, "dropped")
        self._stream.close()

    def _take_out(self) -> bytes:
        message = self._messages.popleft()
        self._kept_bytes -= len(message) + _EACH_BYTES
        return message

    def _end(self, status: int, reason: str) -> None:
        if self.closed is None:
            self.closed = Close(status, reason)
            self._stream.close()

    def _send(self, event: events.Event) -> None:
        try:
            self._unsent += self._connection.send(event)
        except LocalProtocolError:  # it is closing already
            return
        if len(self._unsent) > self._max_bytes:
            self._end(ABNORMAL, "the server reads nothing")
        if self._sending:  # a pong, while something else is on its way: after that
            return
        self._sending = True
        try:
            # A stream stops early when there is something to read; a socket goes both ways.
            while self._unsent and self.closed is None:
                try:
                    self._sent(self._stream.send(bytes(self._unsent)))
                except ExchangeError as broken:
                    self._sent(broken.sent)
                    raise
                if self._unsent:
                    self._take_in()
        finally:
            self._sending = False

    def _sent(self, size_bytes: int) -> None:
        self.bytes_out += size_bytes
        del self._unsent[:size_bytes]

    def _take_in(self) -> None:
        """Wait for bytes and take them in; the end of the connection is a close too."""
        try:
            data = self._stream.receive()
            self.bytes_in += len(data)
            self._connection.receive_data(data or None)
            for event in self._connection.events():
                self._handle(event)
        except ExchangeError:
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
            if data:
                self._parts.append(data)
            if event.message_finished:
                self._messages.append(b"".join(self._parts))
                self._kept_bytes += self._size + _EACH_BYTES
                self._parts, self._size = [], 0
                while self._kept_bytes > self._max_bytes:
                    self._take_out()
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
