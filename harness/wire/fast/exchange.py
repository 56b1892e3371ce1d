"""
One request over one kept connection: the loop that a load generator lives in.

The common case is one ``send``, one wait, one ``recv``, and a head seen before; all
else takes the long way through `Answer`. While an exchange is under way it owns the
connection, which is put back only when the answer was read to its last byte and
nothing else: after any failure, and when a user is killed, the next exchange begins
on a new one, so no answer can be taken for another's.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable

from harness.clock import unix_ns
from harness.wire.content_encoding import decode
from harness.wire.fast.dial import dial
from harness.wire.fast.stream import Stream
from harness.wire.fast.tls import SecureStream
from harness.wire.origin import parse_origin
from harness.wire.redaction import blot, blot_text, secret_of
from harness.wire.request_encoder import Heads
from harness.wire.response_parser import Answer, Memory
from harness.wire.transport import ExchangeError, Failure, Reply, Request, Target

_memory: Memory = {}
"""Heads seen, shared by all users: each would have to learn every second's date anew."""


class FastTransport:
    """One user's keep-alive connection; used by one greenlet at a time."""

    __slots__ = ("_closed", "_context", "_heads", "_line", "_origin", "_secret", "_target")

    def __init__(
        self, target: Target, make_context: Callable[[str | None, bool], ssl.SSLContext]
    ) -> None:
        """
        Prepare; nothing is sent.

        Args:
            target: Where to.
            make_context: Gives the TLS context for (ca_file, verify), if one is needed.

        Raises:
            UsageError: The base URL or the CA file is wrong.
            ValueError: A header cannot be sent.
        """
        self._target = target
        self._origin = parse_origin(target.base_url)
        self._heads = Heads(self._origin, target.headers)
        self._secret = secret_of(target.headers)
        self._context = (
            make_context(target.ca_file, target.verify) if self._origin.tls else None
        )
        self._line: Stream | SecureStream | None = None
        self._closed = False

    def exchange(self, request: Request, deadline_ns: int) -> Reply:
        """As `Transport.exchange`."""
        start_ns = unix_ns()
        message = self._heads.write(request)
        target = self._target
        line, self._line = self._line, None
        reused = line is not None
        bytes_out = 0
        answer: Answer | None = None
        try:
            # Bytes that nobody asked for would be taken for the next answer; an end
            # seen now costs a connection, seen later it would cost an attempt.
            if line is None or line.has_unread():
                reused = False
                line = self._dial_anew(line, deadline_ns)
            else:
                line.deadline_ns = deadline_ns
            bytes_out = line.send(message)
            data = line.receive()
            end = data.find(b"\r\n\r\n") + 4
            head = _memory.get(data[:end])
            if (
                head is None
                or len(data) != end + head.length
                or end > target.max_head_bytes
                or head.length > target.max_body_bytes
            ):
                answer = Answer(target.max_head_bytes, target.max_body_bytes)
                body = _read_all(answer, line, data)
                bytes_in = answer.bytes_in
                head = answer.head()
            else:
                body = data[end:]
                bytes_in = len(data)
            end_ns = unix_ns()
            if head.reusable and bytes_out == len(message) and not self._closed:
                self._line = line
            else:
                line.close()
        except Exception as error:  # noqa: BLE001  whatever it was, it is a reply
            if line is not None:
                line.close()
            return _fail(error, start_ns, bytes_out, answer, self._secret, reused=reused)
        except BaseException:  # the user was killed
            if line is not None:
                line.close()
            raise
        status, _, _, retry_after, content_type = head
        if self._secret and self._secret in body:  # here: a call costs more than the look
            body = blot(body, self._secret)
        return Reply(
            status, body, retry_after, content_type, start_ns, end_ns, bytes_out, bytes_in
        )

    def _dial_anew(
        self, spent: Stream | SecureStream | None, deadline_ns: int
    ) -> Stream | SecureStream:
        if spent is not None:
            spent.close()
        target = self._target
        return dial(self._origin, self._context, target.timeouts, deadline_ns, target.via)

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self._closed = True
        if self._line is not None:
            self._line.close()
            self._line = None


def _read_all(answer: Answer, line: Stream | SecureStream, data: bytes) -> bytes:
    """The long way: feed the answer until it is whole, and decode its body."""
    answer.feed(data, _memory)
    while not answer.whole:
        answer.feed(line.receive())
    return decode(answer.body(), answer.coding, answer.max_body_bytes)


def _fail(
    error: Exception,
    start_ns: int,
    bytes_out: int,
    answer: Answer | None,
    secret: bytes,
    *,
    reused: bool,
) -> Reply:
    if isinstance(error, ExchangeError):
        failure, detail = error.failure, error.detail
        bytes_out = bytes_out or error.sent
    elif isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        failure, detail = Failure.TLS, f"{error.reason or error}"
    elif isinstance(error, OSError):
        failure, detail = Failure.RESET, f"{error.strerror or type(error).__name__}"
    else:
        failure, detail = Failure.MALFORMED, f"{type(error).__name__}: {error}"[:200]
    bytes_in = answer.bytes_in if answer is not None else 0
    if failure is Failure.RESET and reused and bytes_in == 0:
        failure = Failure.STALE
    return Reply(
        answer.status if answer is not None else 0,
        b"",
        None,
        None,
        start_ns,
        unix_ns(),
        bytes_out,
        bytes_in,
        failure,
        blot_text(detail, secret),
    )
