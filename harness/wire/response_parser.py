"""
Parse one response from bytes.

httptools (llhttp, the parser of Node.js) reads the head and the framing of the body. This
module adds bounds, interim responses, bodies that end with the connection, and checks of what a
response must not contain.

A head's meaning is a function of its bytes alone, and a server repeats its heads (the date
changes once a second). So simple heads are cached by their bytes, in `HeadCache`, and need no
parser when they repeat.
"""

from __future__ import annotations

from typing import NamedTuple

import httptools

from harness.wire.transport import ExchangeError, Failure

_HEADS_MAX = 1024
_FRAME_BYTES_PER_BODY_BYTE = 8  # "1\r\nx\r\n" has five
_END_BYTES = 5  # "\r\n\r\n", and the byte before it


class Head(NamedTuple):
    """
    The meaning of a response's head.

    ``length`` is of the body on the wire; ``reusable``: the connection may be used again.
    """

    status: int
    length: int
    reusable: bool
    retry_after: str | None
    content_type: str | None


HeadCache = dict[bytes, Head]


class ResponseParser:
    """
    The response to one request, fed with bytes until it is complete.

    Attributes:
        status: The final response's status; 0 until its head was read.
        coding: The content coding, lower-case; "" for none.
        reusable: Whether the connection may be used again; known when complete.
    """

    __slots__ = (
        "_body", "_body_bytes", "_chunked", "_head_done", "_interim", "_length",
        "_max_head_bytes", "_no_interim", "_parser", "_problem", "_tail", "bytes_in", "coding",
        "complete", "content_type", "max_body_bytes", "retry_after", "reusable", "status",
    )  # fmt: skip

    def __init__(self, max_head_bytes: int, max_body_bytes: int) -> None:
        self._max_head_bytes = max_head_bytes
        self.max_body_bytes = max_body_bytes
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._problem = ""
        self._interim = False
        self._no_interim = True  # no interim response before it
        self._head_done = False
        self._tail = b""  # the last bytes of what was fed before
        self.bytes_in = 0
        self.status = 0
        self.complete = False
        self.reusable = True
        self._length: int | None = None
        self._chunked = False
        self.coding = ""
        self.content_type: str | None = None
        self.retry_after: str | None = None

    def body(self) -> bytes:
        """The body as received, with its codings."""
        return b"".join(self._body)

    def head(self) -> Head:
        """The meaning of the head, and whether the connection may be used again."""
        return Head(
            self.status, self._body_bytes, self.reusable, self.retry_after, self.content_type
        )

    def feed(self, data: bytes, head_cache: HeadCache | None = None) -> None:
        """
        Add the next bytes, or b"" for the end of the connection.

        ``head_cache`` is where to cache the head, if these are the response's first bytes. Raises
        ExchangeError if it is no HTTP response, exceeds a bound, or is truncated.
        """
        if not data:
            self._end()
            return
        self.bytes_in += len(data)
        body_bytes = self._body_bytes
        end = data.find(b"\r\n\r\n") + 4 if head_cache is not None else 0
        if head_cache is not None and end > 4:
            self._parse(data[:end])
            self._cache_head(data[:end], head_cache)
            if end < len(data):
                self._parse(data[end:])
        else:
            self._parse(data)
        overhead_bytes = self.bytes_in - self._body_bytes
        bound = self._max_head_bytes + _FRAME_BYTES_PER_BODY_BYTE * self._body_bytes
        if not self.complete and not self._problem and overhead_bytes > bound:
            self._problem = f"more than {self._max_head_bytes} bytes of head"
        if self._problem:
            raise ExchangeError(Failure.MALFORMED, self._problem)
        if self.complete and self.reusable:
            self.reusable = self._ends(data, self._body_bytes - body_bytes)
        self._tail = (self._tail + data)[-_END_BYTES:]

    def _ends(self, data: bytes, body_bytes: int) -> bool:
        """
        Whether the response ends with the data, which has this many bytes of its body.

        The parser ignores line ends between two responses.
        """
        framing = data if self._chunked else data[: len(data) - body_bytes]
        if not framing:
            return True
        end = (self._tail + framing)[-_END_BYTES:]
        return end[1:] == b"\r\n\r\n" and end[:1] != b"\n"

    def _parse(self, data: bytes) -> None:
        if self.complete:
            self.reusable = False  # unrequested bytes
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("the server changed the protocol")
        except httptools.HttpParserError as error:
            self._fail(f"not HTTP: {error}")

    def _fail(self, problem: str) -> None:
        if self.complete:
            self.reusable = False  # the response is good; what follows it is not
        else:
            self._problem = self._problem or problem

    def _end(self) -> None:
        """The connection ended: the end of a body without a length, else a loss."""
        if self._head_done and self._length is None and not self._chunked:
            self.complete = True
            self.reusable = False
        elif not self.complete:
            raise ExchangeError(
                Failure.RESET, f"the connection ended after {self.bytes_in} bytes of the response"
            )

    def _cache_head(self, head: bytes, head_cache: HeadCache) -> None:
        """Cache a head that ends at the end of these bytes and has a body of known length."""
        if (
            not self._head_done
            or self._problem
            or self._body_bytes
            or self._length is None
            or self._chunked
            or self.coding
            or (self._length and self.complete)  # a 204 that states a length
            or not self._no_interim
        ):
            return
        if len(head_cache) >= _HEADS_MAX:
            head_cache.clear()
        keep_alive = self.reusable if self.complete else bool(self._parser.should_keep_alive())
        head_cache[head] = self.head()._replace(length=self._length, reusable=keep_alive)

    # What httptools calls, in this order.

    def on_message_begin(self) -> None:
        """A head begins: the first, the one after an interim response, or a surplus one."""
        if self.complete:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the headers that matter; ignore those of trailers and surplus responses."""
        if self._head_done:
            return
        name = name.lower()
        if name == b"content-length":
            self._length = int(value)
        elif name == b"content-type":
            self.content_type = self.content_type or value.decode("latin-1")
        elif name == b"retry-after":
            self.retry_after = self.retry_after or value.decode("latin-1")
        elif name == b"content-encoding":
            coding = value.decode("latin-1").strip().lower()
            self.coding = f"{self.coding},{coding}" if self.coding else coding
        elif name == b"transfer-encoding":
            self._chunked = True
            if value.strip().lower() != b"chunked":
                self._fail(f"unknown transfer coding {value[:40]!r}")

    def on_headers_complete(self) -> None:
        """Check the head; an interim one is dropped when its message is complete."""
        if self.complete:
            return
        status = self._parser.get_status_code()
        version = self._parser.get_http_version()
        self._interim = 100 <= status < 200
        if self._interim:
            self._no_interim = False
            return
        if version not in {"1.0", "1.1"} or not 200 <= status <= 599:
            self._fail(f"not a response: HTTP/{version} {status}")
            return
        self.status = status
        self._head_done = True
        if status in {204, 304}:
            self.reusable = not self._length and not self._chunked
            self._length = self._length or 0
            self.complete = True
        elif self._length is not None and self._length > self.max_body_bytes:
            self._fail(f"a body of {self._length} bytes exceeds the bound")

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body within the bound."""
        if self.complete:
            self.reusable = False
            return
        self._body_bytes += len(data)
        if self._body_bytes > self.max_body_bytes:
            self._fail(f"a body of more than {self.max_body_bytes} bytes")
        else:
            self._body.append(data)

    def on_message_complete(self) -> None:
        """A message is complete: an interim one, the response, or a surplus one."""
        if self.complete:
            return
        if self._interim:
            self._forget_head()
            return
        self.reusable = bool(self._parser.should_keep_alive())
        self.complete = not self._problem

    def _forget_head(self) -> None:
        self._length = None
        self._chunked = False
        self.coding = ""
        self.content_type = None
        self.retry_after = None
