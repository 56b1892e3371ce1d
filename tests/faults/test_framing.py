"""The boundaries of messages, however the stream is cut into pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.faults.framing import HEAD_BYTES_MAX, FramingError, MessageScanner
from harness.faults.tls import TlsRecordScanner

GET = b"GET /runs/1 HTTP/1.1\r\nhost: h\r\n\r\n"
POST = b"POST /sessions HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /x HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n"
    b"5;ext=1\r\nhello\r\n1a\r\n" + b"z" * 26 + b"\r\n0\r\ntrailer: t\r\n\r\n"
)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
EMPTY = b"HTTP/1.1 204 No Content\r\ncontent-length: 9\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED_ANSWER = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"


def cut(data, places):
    """The bytes in pieces, cut at these places."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]


def follow(tap, pieces):
    """Whole messages, put together from segments."""
    messages, current = [], b""
    for piece in pieces:
        for segment in tap.feed(piece):
            current += segment.data
            if segment.last:
                messages.append(current)
                current = b""
    return messages, current


def offer(tap, pieces):
    """The bytes that were passed on, and those that an error handed back."""
    passed = b""
    try:
        for piece in pieces:
            for segment in tap.feed(piece):
                passed += segment.data
    except FramingError as error:
        return passed, error.held
    return passed, b""


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.sampled_from([GET, POST, CHUNKED]), min_size=1, max_size=5),
    st.lists(st.integers(0, 10_000), max_size=12),
)
def test_requests_are_found_however_the_stream_is_cut(requests, places):
    """Every request is complete, and no byte is changed or lost."""
    found = follow(MessageScanner(), cut(b"".join(requests), places))

    assert (requests, b"") == found


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.sampled_from([OK, EMPTY, CONTINUE + OK, CHUNKED_ANSWER]), min_size=1, max_size=5),
    st.lists(st.integers(0, 10_000), max_size=12),
)
def test_answers_are_found_however_the_stream_is_cut(answers, places):
    """A 100 Continue belongs to the answer after it; a 204 has no body."""
    found = follow(MessageScanner(lambda: "POST"), cut(b"".join(answers), places))

    assert (answers, b"") == found


def test_an_answer_to_head_has_no_body():
    """Its Content-Length is that of a GET."""
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"

    assert ([head, head], b"") == follow(MessageScanner(lambda: "HEAD"), [head + head])


def test_an_answer_without_length_lasts_until_close():
    """No message ends in it."""
    tap = MessageScanner(lambda: "GET")

    assert ([], b"HTTP/1.0 200 OK\r\n\r\nabcdef") == follow(
        tap, [b"HTTP/1.0 200 OK\r\n\r\nabc", b"def"]
    )
    assert tap.opaque


def test_another_protocol_after_101_is_opaque():
    """A WebSocket's frames are no messages of HTTP."""
    tap = MessageScanner(lambda: "GET")

    assert ([], b"HTTP/1.1 101 Switching\r\n\r\n\x81\x00") == follow(
        tap, [b"HTTP/1.1 101 Switching\r\n\r\n\x81", b"\x00"]
    )
    assert tap.switched


@pytest.mark.parametrize(
    "stream",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET /\r\n\r\n",
        b"G" * (HEAD_BYTES_MAX + 1),
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_handed_back(stream):
    """The bytes that were not passed on come with the error."""
    passed, held = offer(MessageScanner(), [stream])

    assert held
    assert stream == passed + held


@settings(deadline=None, max_examples=150)
@given(st.lists(st.binary(max_size=80), max_size=6), st.booleans())
def test_no_bytes_are_lost_whatever_comes(pieces, answers):
    """Segments, what is held, and what an error hands back make up the stream."""
    tap = MessageScanner(lambda: "GET") if answers else MessageScanner()
    passed, held = offer(tap, pieces)
    stream = b"".join(pieces)

    assert stream.startswith(passed + held) if held else stream == passed + tap._held


@pytest.mark.parametrize(("size", "expected"), [(53, False), (69, False), (54, True), (400, True)])
def test_a_tls_client_has_spoken_when_it_sends_more_than_finished(size, expected):
    """Records: hello, change cipher spec, application data of some size; byte by byte."""
    stream = b"\x16\x03\x01\x00\x02hi" + b"\x14\x03\x03\x00\x01\x01"
    stream += b"\x17\x03\x03" + size.to_bytes(2, "big") + b"x" * size
    tap = TlsRecordScanner()

    assert expected == [tap.feed(bytes([byte])) for byte in stream][-1]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("size", [b"-6", b"-5", b"+5", b"0x5", b"1_0", b" 5 5", b"", b"\xff"])
def test_a_chunk_size_that_is_none_is_no_http(size):
    """Hex digits and nothing else: a size below zero would lead back to where it stands."""
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    tap = MessageScanner(lambda: "GET")
    assert ([], head) == follow(tap, [head])
    with pytest.raises(FramingError):
        follow(tap, [size + b"\r\nhello\r\n0\r\n\r\n"])
