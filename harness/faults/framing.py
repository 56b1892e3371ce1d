"""
Find the boundaries of HTTP/1.1 messages in a stream of bytes, without changing a byte.

Reads each head (RFC 9112 §6) just enough to find the end of the body, so that the proxy can
apply faults to single requests of a kept connection. A head is held back until it is complete;
bodies pass as they arrive.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

HEAD_BYTES_MAX = 64 * 1024
_CHUNK_LINE_BYTES_MAX = 4096
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked[ \t]*\r\n", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")
_REQUEST_LINE = re.compile(rb"([A-Z]{2,20}) [^\r\n ]+ HTTP/1\.[01]\r\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")


class FramingError(Exception):
    """The stream is not HTTP/1.1; ``held`` are the bytes held back."""

    def __init__(self, held: bytes = b"") -> None:
        super().__init__("not HTTP/1.1")
        self.held = held


class Segment(NamedTuple):
    """The part of one message in a piece of the stream."""

    data: bytes
    first: bool  # the message begins here
    last: bool  # the message ends here
    method: str = ""  # the request's method if `first`, else ""


class MessageScanner:
    """
    Scans one direction of one connection.

    Args:
        request_method: None to scan requests. To scan responses: returns the method of the request
            now being answered (a response to HEAD has no body).
    """

    def __init__(self, request_method: Callable[[], str] | None = None) -> None:
        self.opaque = False  # no further message ends: a response until close, or after a 101
        self.switched = False  # by a 101: both directions use another protocol now
        self._request_method = request_method
        self._held = b""
        self._begun = False
        self._left_bytes = 0
        self._chunks: _Chunks | None = None
        self._in_body = False

    def feed(self, data: bytes) -> Iterator[Segment]:
        """
        Cut `data` into segments, lazily: a response's length can depend on an earlier request.

        Raises:
            FramingError: Not HTTP/1.1, or a head over 64 KiB.
        """
        data, self._held = self._held + data, b""
        while data:
            if self.opaque:
                yield Segment(data, first=False, last=False)
                return
            begins = not self._begun
            try:
                method, end = self._take_message(data)
            except FramingError:
                raise FramingError(data) from None
            if end == 0:
                return
            last = self._begun and not self._in_body and not self.opaque
            yield Segment(data[:end], begins, last, method)
            data = data[end:]
            if last:
                self._begun = False

    def _take_message(self, data: bytes) -> tuple[str, int]:
        """The method, and the number of bytes of the current message."""
        method, end = "", 0
        while not self._in_body:
            head_end = data.find(_HEAD_END, end)
            if head_end < 0:
                if len(data) - end > HEAD_BYTES_MAX:
                    raise FramingError
                # A 100 Continue may come first: it is forwarded, the rest is held.
                self._held = data[end:]
                return method, end
            head_end += 4
            method = self._read_head(data[end:head_end])
            end = head_end
            if self.opaque:
                return method, len(data)
            if not self._in_body and self._begun:
                return method, end
        return method, end + self._take_body(data[end:])

    def _read_head(self, head: bytes) -> str:
        if len(head) > HEAD_BYTES_MAX:
            raise FramingError
        if self._request_method is None:
            if not (match := _REQUEST_LINE.match(head)):
                raise FramingError
            self._begun = True
            self._set_body(head, bodiless=False)
            return match[1].decode()
        if not (match := _STATUS_LINE.match(head)):
            raise FramingError
        status = int(match[1])
        if status == 101:
            self.opaque = self.switched = self._begun = True
        elif status >= 200:
            self._begun = True
            self._set_body(head, bodiless=status in (204, 304) or self._request_method() == "HEAD")
        return ""

    def _set_body(self, head: bytes, *, bodiless: bool) -> None:
        self._chunks, self._left_bytes = None, 0
        if not bodiless and _CHUNKED.search(head):
            self._chunks = _Chunks()
        elif not bodiless and (match := _LENGTH.search(head)):
            self._left_bytes = int(match[1])
        elif not bodiless and self._request_method is not None:
            self.opaque = True
        self._in_body = self._chunks is not None or self._left_bytes > 0

    def _take_body(self, data: bytes) -> int:
        if self._chunks is not None:
            taken = self._chunks.feed(data)
            self._in_body = not self._chunks.done
            return taken
        taken = min(len(data), self._left_bytes)
        self._left_bytes -= taken
        self._in_body = self._left_bytes > 0
        return taken


class _Chunks:
    """Finds the end of a chunked body (RFC 9112 §7.1)."""

    def __init__(self) -> None:
        self.done = False
        self._left_bytes = 0
        self._line = b""
        self._in_trailer = False

    def feed(self, data: bytes) -> int:
        """The number of bytes of `data` that belong to the body."""
        position = 0
        while position < len(data) and not self.done:
            if self._left_bytes:
                step = min(self._left_bytes, len(data) - position)
                self._left_bytes -= step
                position += step
                continue
            line_end = data.find(b"\n", position)
            stop = len(data) if line_end < 0 else line_end + 1
            self._line += data[position:stop]
            position = stop
            if len(self._line) > _CHUNK_LINE_BYTES_MAX:
                raise FramingError
            if line_end >= 0:
                self._end_line()
        return position

    def _end_line(self) -> None:
        line, self._line = self._line.strip(), b""
        if self._in_trailer:
            self.done = not line
            return
        digits = line.partition(b";")[0].rstrip()
        if not _CHUNK_SIZE.fullmatch(digits):
            raise FramingError
        size = int(digits, 16)
        if size == 0:
            self._in_trailer = True
        else:
            self._left_bytes = size + 2
