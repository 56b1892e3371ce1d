"""
TLS over a `Stream`, by memory buffers, so that the socket and the waits stay ours.

Monkey patching replaces the sockets that ``ssl`` makes. ``SSLObject`` over two ``MemoryBIO``
is the same with and without it.
"""

from __future__ import annotations

import ssl

from harness.wire.fast.stream import Stream
from harness.wire.transport import ExchangeError, Failure

_CHUNK_BYTES = 32 * 1024


class TlsStream:
    """The same interface as `Stream`, encrypted; made over a connected one."""

    __slots__ = ("_in", "_out", "_stream", "_tls", "_uncounted", "_unsent")

    def __init__(self, stream: Stream, context: ssl.SSLContext, host: str) -> None:
        self._stream = stream
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)
        self._unsent = b""  # encrypted, not yet taken by the network
        self._uncounted = 0  # bytes of its plain text that `send` has not counted

    @property
    def deadline_ns(self) -> int:
        """When every wait ends at the latest."""
        return self._stream.deadline_ns

    @deadline_ns.setter
    def deadline_ns(self, deadline_ns: int) -> None:
        self._stream.deadline_ns = deadline_ns

    def handshake(self, until_ns: int) -> None:
        """Agree on keys and check the certificate; raise ExchangeError, ssl.SSLError or OSError."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._feed(self._stream.receive(until_ns, Failure.CONNECT_TIMEOUT))
            except ssl.SSLError:
                self._flush()  # the alert with the reason, for the server
                raise
            else:
                self._flush()
                return

    def send(self, data: bytes) -> int:
        """
        As `Stream.send`; counts all of the data or nothing.

        Data that was not counted is already encrypted: it must be sent again before all else.
        """
        if not self._uncounted:
            try:
                self._tls.write(data)
            except ssl.SSLError:
                return 0  # closed by the server
            self._uncounted = len(data)
        self._flush()
        if self._unsent:
            return 0
        taken, self._uncounted = self._uncounted, 0
        return taken

    def receive(self) -> bytes:
        """As `Stream.receive`; an end without TLS's close_notify is a reset."""
        while True:
            try:
                return self._tls.read(_CHUNK_BYTES)
            except ssl.SSLWantReadError:
                self._flush()
                self._feed(self._stream.receive())
            except ssl.SSLZeroReturnError:
                return b""

    def has_unread(self) -> bool:
        """As `Stream.has_unread`; session tickets and key updates do not count."""
        if self._stream.has_unread():
            data = self._stream.receive_nowait()
            if not data:
                return True
            self._in.write(data)
        try:
            self._tls.read(1)
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError:
            return True
        return True

    def close(self) -> None:
        """Close it without a close_notify; a second call does nothing."""
        self._stream.close()

    def _flush(self) -> None:
        self._unsent += self._out.read()
        if not self._unsent:
            return
        try:
            self._unsent = self._unsent[self._stream.send(self._unsent) :]
        except ExchangeError as broken:
            self._unsent = self._unsent[broken.sent :]
            broken.sent = 0  # no plain text was counted
            raise

    def _feed(self, data: bytes) -> None:
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()
