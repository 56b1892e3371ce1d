"""
One request over one kept-alive connection: the hot path of a load generator.

The common case is one ``send``, one wait, one ``recv``, and a cached head. All else goes through
`ResponseParser`. An exchange in progress owns the connection. The connection is put back only
when the response was read to its last byte and nothing else was. After any failure, and when a
user is killed, the next exchange opens a new one, so that no response can be mistaken for
another's.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable

from harness.clock import unix_ns
from harness.wire.content_encoding import decode
from harness.wire.fast.dial import dial
from harness.wire.fast.stream import Stream
from harness.wire.fast.tls import TlsStream
from harness.wire.origin import parse_origin
from harness.wire.redaction import find_secret, redact, redact_text
from harness.wire.request_encoder import RequestEncoder
from harness.wire.response_parser import HeadCache, ResponseParser
from harness.wire.transport import ExchangeError, Failure, Request, Response, Target, failure_of

_head_cache: HeadCache = {}
"""Heads, shared by all users: otherwise each would parse every second's date again."""


class FastTransport:
    """One user's keep-alive connection; used by one greenlet at a time."""

    __slots__ = ("_closed", "_context", "_encoder", "_origin", "_secret", "_stream", "_target")

    def __init__(
        self, target: Target, make_context: Callable[[str | None, bool], ssl.SSLContext]
    ) -> None:
        """
        Prepare; nothing is sent. Raises as `harness.wire.connect`.

        ``make_context`` makes the TLS context for (ca_file, verify), if one is needed.
        """
        self._target = target
        self._origin = parse_origin(target.base_url)
        self._encoder = RequestEncoder(self._origin, target.headers)
        self._secret = find_secret(target.headers)
        self._context = make_context(target.ca_file, target.verify) if self._origin.tls else None
        self._stream: Stream | TlsStream | None = None
        self._closed = False

    def exchange(self, request: Request, deadline_ns: int) -> Response:
        """As `Transport.exchange`."""
        start_ns = unix_ns()
        request_bytes = self._encoder.encode(request)
        target = self._target
        stream, self._stream = self._stream, None
        reused = stream is not None
        bytes_out = 0
        parser: ResponseParser | None = None
        try:
            # Unrequested bytes would be taken for the next response. An end found now costs
            # a connection; found later it would cost an attempt.
            if stream is None or stream.has_unread():
                reused = False
                stream = self._reconnect(stream, deadline_ns)
            else:
                stream.deadline_ns = deadline_ns
            bytes_out = stream.send(request_bytes)
            data = stream.receive()
            end = data.find(b"\r\n\r\n") + 4
            head = _head_cache.get(data[:end])
            if (
                head is None
                or len(data) != end + head.length
                or end > target.max_head_bytes
                or head.length > target.max_body_bytes
            ):
                parser = ResponseParser(target.max_head_bytes, target.max_body_bytes)
                body = _read_rest(parser, stream, data)
                bytes_in = parser.bytes_in
                head = parser.head()
            else:
                body = data[end:]
                bytes_in = len(data)
            end_ns = unix_ns()
            if head.reusable and bytes_out == len(request_bytes) and not self._closed:
                self._stream = stream
            else:
                stream.close()
        except Exception as error:  # noqa: BLE001  every error becomes a response
            if stream is not None:
                stream.close()
            return _fail(error, start_ns, bytes_out, parser, self._secret, reused=reused)
        except BaseException:  # the user was killed
            if stream is not None:
                stream.close()
            raise
        status, _, _, retry_after, content_type = head
        if (
            self._secret and self._secret in body
        ):  # inline: a function call costs more than the search
            body = redact(body, self._secret)
        return Response(
            status, body, retry_after, content_type, start_ns, end_ns, bytes_out, bytes_in
        )

    def _reconnect(self, spent: Stream | TlsStream | None, deadline_ns: int) -> Stream | TlsStream:
        if spent is not None:
            spent.close()
        target = self._target
        return dial(self._origin, self._context, target.timeouts, deadline_ns, target.via)

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self._closed = True
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def _read_rest(parser: ResponseParser, stream: Stream | TlsStream, data: bytes) -> bytes:
    """The slow path: feed the response until it is complete, and decode its body."""
    parser.feed(data, _head_cache)
    while not parser.complete:
        parser.feed(stream.receive())
    return decode(parser.body(), parser.coding, parser.max_body_bytes)


def _fail(
    error: Exception,
    start_ns: int,
    bytes_out: int,
    parser: ResponseParser | None,
    secret: bytes,
    *,
    reused: bool,
) -> Response:
    failure, detail = failure_of(error)
    if isinstance(error, ExchangeError):
        bytes_out = bytes_out or error.sent
    status, bytes_in = (parser.status, parser.bytes_in) if parser is not None else (0, 0)
    if failure is Failure.RESET and reused and bytes_in == 0:
        failure = Failure.STALE
    detail, sizes = redact_text(detail, secret), (bytes_out, bytes_in)
    return Response(status, b"", None, None, start_ns, unix_ns(), *sizes, failure, detail)
