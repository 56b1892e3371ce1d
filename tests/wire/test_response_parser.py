"""Heads remembered by their bytes say what the parser would say."""

from __future__ import annotations

from hypothesis import event, given, settings
from hypothesis import strategies as st

from harness.wire.response_parser import HeadCache, ResponseParser
from harness.wire.transport import ExchangeError

LINES = st.sampled_from(
    [
        b"Content-Length: 0",
        b"content-length: 3",
        b"content-length:3 ",
        b"Content-Length: 4",
        b"Transfer-Encoding: chunked",
        b"Connection: close",
        b"Connection: keep-alive",
        b"Connection: upgrade",
        b"Upgrade: h2c",
        b"Retry-After: 5",
        b"retry-after: Wed, 21 Oct 2026 07:28:00 GMT",
        b"Content-Type: application/json",
        b"Content-Encoding: gzip",
        b"Content-Encoding: identity",
        b"X-Id: 1\n",
        b"X-Odd: \xff\x80",
        b" folded",
        b"",
    ]
)
STATUS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.0 200 OK",
        b"HTTP/1.1 204 No Content",
        b"HTTP/1.1 304 Not Modified",
        b"HTTP/1.1 429 Slow Down",
        b"HTTP/1.1 100 Continue",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK",
        b"HTTP/1.1 204 No\n\nHTTP/1.1 200 OK",
        b"HTTP/2.0 200 OK",
    ]
)


def read(data: bytes, memory: HeadCache | None) -> object:
    """What a fresh parser makes of all the bytes at once, the end included."""
    answer = ResponseParser(1000, 1000)
    try:
        answer.feed(data, memory)
        if not answer.complete:
            answer.feed(b"")
    except ExchangeError as broken:
        return broken.failure
    return answer.head(), answer.body(), answer.coding


def plain(outcome: object) -> object:
    """All but whether the connection is kept: the long way overlooks blank lines after."""
    if not isinstance(outcome, tuple):
        return outcome
    head, body, coding = outcome
    return head._replace(reusable=False), body, coding


@settings(max_examples=600, deadline=None)
@given(STATUS, st.lists(LINES, max_size=5), st.binary(max_size=3) | st.just(b"abc"))
def test_a_remembered_head_is_read_the_same(status, lines, body):
    """Where the short way is taken, it gives what the long way gives."""
    head = b"\r\n".join([status, *lines, b"", b""])
    data = head + body
    memory: HeadCache = {}
    first = read(data, memory)
    assert plain(first) == plain(read(data, None))
    end = data.find(b"\r\n\r\n") + 4
    remembered = memory.get(data[:end])
    if remembered is None or len(data) != end + remembered.length:
        event("long way")
        return
    event("short way")
    assert first == (remembered, data[end:], "")


def test_the_usual_head_is_remembered():
    """An API's common answer takes the short way: else this would be for nothing."""
    memory: HeadCache = {}
    head = (
        b"HTTP/1.1 429 Too Many\r\nserver: x\r\nretry-after: 2\r\n"
        b"content-type: application/json\r\ncontent-length: 2\r\n\r\n"
    )
    read(head + b"{}", memory)
    assert {head: (429, 2, True, "2", "application/json")} == memory


def test_memory_is_bounded():
    """A server whose every head is different does not fill the memory."""
    memory: HeadCache = {}
    for number in range(3000):
        read(b"HTTP/1.1 200 OK\r\nx-id: %d\r\ncontent-length: 1\r\n\r\na" % number, memory)
    assert 0 < len(memory) <= 1024
