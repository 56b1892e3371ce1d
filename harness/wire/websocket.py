"""
A WebSocket over our gevent streams: `websockets` reads and writes frames, this does the I/O.

One greenlet at a time uses it. It sends, waits for messages until a deadline, and calls
`poll` in between. Every wait answers pings and notices a close. `harness.wire.upgrade` opens it.

Source: RFC 6455.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from websockets.client import ClientProtocol
from websockets.exceptions import PayloadTooBig
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.protocol import Event

from harness.clock import unix_ns
from harness.units import NS_PER_S
from harness.wire.fast.stream import Stream
from harness.wire.fast.tls import TlsStream
from harness.wire.transport import ExchangeError, Failure

ABNORMAL_CLOSURE = 1006
_PROTOCOL_ERROR = 1002
_NO_TEXT = 1007
_FAULTS = {EOFError: ABNORMAL_CLOSURE, UnicodeDecodeError: _NO_TEXT, PayloadTooBig: 1009}
"""Why the protocol stopped reading → close status; 1002 for everything else."""
_NO_CLOSE_FRAME = "the connection ended without a close frame"
_CLOSE_TIMEOUT_S = 1.0
_MESSAGE_OVERHEAD_BYTES = 1  # added to the size of a kept message, so that empty ones count too
_TIMEOUTS = frozenset({Failure.READ_TIMEOUT, Failure.DEADLINE})


class Close(NamedTuple):
    """
    How a socket ended.

    Attributes:
        status: The close frame's status; 1006 without a frame; 1002, 1007 or 1009 when the
            server violated the protocol or a bound.
        reason: Its reason; without a frame, what failed.
    """

    status: int
    reason: str


class WebSocket:
    """
    One open socket; ``closed`` is how it ended, None while it is open.

    ``bytes_in`` and ``bytes_out`` count what was read and sent so far, the upgrade included.
    """

    def __init__(
        self, stream: Stream | TlsStream, protocol: ClientProtocol, max_bytes: int
    ) -> None:
        self._stream = stream
        self._protocol = protocol
        self._max_bytes = max_bytes
        self._messages: deque[bytes] = deque()
        self._kept_bytes = 0
        self._unsent = bytearray()
        self._sending = False
        self._partial = bytearray()
        self._is_text = False
        self.closed: Close | None = None
        self.bytes_in = 0
        self.bytes_out = 0

    def send(self, message: bytes, deadline_ns: int) -> None:
        """Send one text message if the socket is open; raise ExchangeError at the deadline."""
        if self.closed is None:
            self._stream.deadline_ns = deadline_ns
            self._protocol.send_text(message)
            self._flush()

    def receive(self, deadline_ns: int) -> bytes | None:
        """Wait for a message (None: the socket ended); raise ExchangeError at the deadline."""
        while not self._messages:
            if self.closed is not None:
                return None
            self._stream.deadline_ns = deadline_ns
            self._read()
        return self._pop_oldest()

    def poll(self, seconds: float) -> bool:
        """
        Serve the socket for a while: answer pings, keep messages; return whether it is still open.

        Of the messages that nobody receives the newest are kept, up to the longest message's size.
        """
        until_ns = unix_ns() + int(seconds * NS_PER_S)
        while self.closed is None and unix_ns() < until_ns:
            self._stream.deadline_ns = until_ns
            try:
                self._read()
            except ExchangeError as broken:
                if broken.failure not in _TIMEOUTS:
                    self._end(ABNORMAL_CLOSURE, broken.detail)
        return self.closed is None

    def close(self, status: int = 1000) -> None:
        """Send a close frame, wait up to 1 s for the server's, and drop the connection."""
        try:
            if self.closed is None:
                self._stream.deadline_ns = unix_ns() + int(_CLOSE_TIMEOUT_S * NS_PER_S)
                self._protocol.send_close(status)
                self._flush()
            while self.closed is None:
                self._read()
        except ExchangeError:
            pass
        finally:
            self.abort()

    def abort(self) -> None:
        """Drop the connection without a close frame; a second call does nothing."""
        self._end(ABNORMAL_CLOSURE, "dropped")
        self._stream.close()

    def process(self, events: Iterable[Event]) -> None:
        """Keep the messages among the events, send what is due, notice the end."""
        error: Exception | None = None
        try:
            for event in events:
                if isinstance(event, Frame) and event.opcode in DATA_OPCODES:
                    self._assemble(event)
        except UnicodeDecodeError as no_text:
            error = no_text
            self._protocol.fail(_NO_TEXT)
        try:
            self._flush()
        finally:
            self._notice_end(error or self._protocol.parser_exc)

    def _assemble(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        self._partial += frame.data
        if not frame.fin:
            return
        message = bytes(self._partial)
        self._partial.clear()
        if self._is_text:
            message.decode()  # raises unless it is UTF-8
        self._messages.append(message)
        self._kept_bytes += len(message) + _MESSAGE_OVERHEAD_BYTES
        while self._kept_bytes > self._max_bytes and len(self._messages) > 1:
            self._pop_oldest()

    def _pop_oldest(self) -> bytes:
        message = self._messages.popleft()
        self._kept_bytes -= len(message) + _MESSAGE_OVERHEAD_BYTES
        return message

    def _notice_end(self, error: Exception | None) -> None:
        received = self._protocol.close_rcvd
        if received is not None:
            self._end(int(received.code), received.reason)
        elif error is not None:
            status = _FAULTS.get(type(error), _PROTOCOL_ERROR)
            self._end(status, _NO_CLOSE_FRAME if status == ABNORMAL_CLOSURE else str(error))

    def _end(self, status: int, reason: str) -> None:
        if self.closed is None:
            self.closed = Close(status, reason)
            self._stream.close()

    def _flush(self) -> None:
        """Send what the protocol has written, after what the network has not taken yet."""
        pieces = self._protocol.data_to_send()
        if not pieces:
            return
        self._unsent += b"".join(pieces)
        if len(self._unsent) > self._max_bytes:
            self._end(ABNORMAL_CLOSURE, "the server reads nothing")
        if self._sending:  # a pong while a message is being sent: it goes out after that
            return
        self._sending = True
        try:
            while self._unsent and self.closed is None:
                if not self._send_some():  # there is something to read first
                    self._read()
        finally:
            self._sending = False

    def _send_some(self) -> int:
        sent = 0
        try:
            sent = self._stream.send(bytes(self._unsent))
        except ExchangeError as broken:
            sent = broken.sent
            raise
        finally:
            self.bytes_out += sent
            del self._unsent[:sent]
        return sent

    def _read(self) -> None:
        """Wait for bytes and process them; the end of the connection is a close too."""
        try:
            data = self._stream.receive()
            self.bytes_in += len(data)
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            self.process(self._protocol.events_received())
        except OSError as error:
            self._end(ABNORMAL_CLOSURE, type(error).__name__)
