"""How exchanges fail: each kind of failure has a name and ends within a time bound."""

from __future__ import annotations

import socket
import threading

import pytest

from harness.clock import unix_ns
from harness.wire import Failure, Request

OK = b"HTTP/1.1 200 OK\r\n"
ENDLESS = 400
"""Pieces that take far longer, at 50 ms each, than any deadline here."""
PROMPT_S = 3.0
"""Below the 5 s of the timeouts that a test does not set; generous, as machines are busy."""


def seconds(response):
    """How long an exchange took."""
    return (response.end_ns - response.start_ns) / 1e9


def test_nobody_listens(make_user):
    """A closed port refuses."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    response = make_user(f"http://127.0.0.1:{port}").post()
    assert (Failure.REFUSED, 0, b"", 0, 0) == (
        response.failure,
        response.status,
        response.body,
        response.bytes_out,
        response.bytes_in,
    )
    assert response.detail


def test_unknown_name(make_user):
    """A name that nobody knows (RFC 6761) is unreachable."""
    assert Failure.UNREACHABLE is make_user("http://nobody.invalid").get().failure


def test_full_backlog(make_user):
    """A listener that accepts nobody runs into the connect timeout."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = []
    for _ in range(4):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        waiting.append(sock)
    port = listener.getsockname()[1]
    user = make_user(f"http://127.0.0.1:{port}", connect_s=0.3)
    slow, hasty = user.get(), user.get(deadline_s=0.1)
    for sock in (*waiting, listener):
        sock.close()
    assert [Failure.CONNECT_TIMEOUT, Failure.DEADLINE] == [slow.failure, hasty.failure]
    assert 0.25 < seconds(slow) < PROMPT_S
    assert seconds(hasty) < PROMPT_S


def test_black_hole(make_user, scripted, script):
    """A server that never answers runs into the read timeout, or before it the deadline."""
    user = make_user(f"http://127.0.0.1:{scripted.port}", read_s=0.3)
    script.play(["hold"], ["hold"])
    slow, hasty = user.post(), user.post(deadline_s=0.1)
    assert [Failure.READ_TIMEOUT, Failure.DEADLINE] == [slow.failure, hasty.failure]
    assert 0.25 < seconds(slow) < PROMPT_S
    assert 0.08 < seconds(hasty) < PROMPT_S
    assert b"fresh-01" == user.get("fresh-01").body


def test_deadline_that_has_passed(user):
    """Nothing is sent when there is no time left, on a new connection or a kept one."""
    request = Request("GET", "/thing")
    first = user.transport.exchange(request, unix_ns() - 1)
    assert (Failure.DEADLINE, 0) == (first.failure, first.bytes_out)
    assert b"fresh-01" == user.get("fresh-01").body
    assert Failure.DEADLINE is user.transport.exchange(request, unix_ns() - 1).failure
    assert b"fresh-02" == user.get("fresh-02").body


@pytest.mark.parametrize(
    "drip",
    [
        [b"H", b"T", b"T", b"P", b"/1.1 200 OK\r\n", *[b"x-a: b\r\n"] * ENDLESS],
        [OK + b"content-length: 1000\r\n\r\n", *[b"x"] * ENDLESS],
        [OK + b"transfer-encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n"] * ENDLESS],
        [OK + b"\r\n", *[b"x"] * ENDLESS],
        [b"HTTP/1.1 103 Early Hints\r\n\r\n"] * ENDLESS,
    ],
    ids=["head", "body", "chunks", "until-close", "interim"],
)
def test_slow_drip(make_user, scripted, script, drip):
    """A server that says a little again and again is cut off at the deadline."""
    user = make_user(f"http://127.0.0.1:{scripted.port}", read_s=0.3)
    script.play([step for piece in drip for step in (piece, 0.05)])
    response = user.get(deadline_s=0.5)
    assert Failure.DEADLINE is response.failure
    assert 0.4 < seconds(response) < PROMPT_S
    assert response.bytes_in > 0
    assert b"fresh-01" == user.get("fresh-01").body


def test_reset_mid_body(user, script):
    """A reset after the head is a reset, and the head's status is told."""
    script.play([OK + b"content-length: 100\r\n\r\nhalf", 0.05, "reset"])
    response = user.get()
    assert (Failure.RESET, 200, b"") == (response.failure, response.status, response.body)
    assert b"fresh-01" == user.get("fresh-01").body


@pytest.mark.parametrize("end", ["close", "reset"])
def test_stale_only_on_a_reused_connection(user, script, end):
    """The same silence is stale on a kept connection and a reset on a new one."""
    script.play([end])
    assert Failure.RESET is user.post().failure
    assert b"fresh-01" == user.get("fresh-01").body
    script.play([end])
    response = user.post()
    assert (Failure.STALE, 0) == (response.failure, response.bytes_in)
    assert 1 == len(script.requests), "nothing may be sent twice"
    assert b"fresh-03" == user.get("fresh-03").body


def test_partial_answer_on_a_reused_connection_is_no_stale_one(user, script):
    """One byte of the answer is enough: the server had the request."""
    assert b"fresh-01" == user.get("fresh-01").body
    script.play([b"H", 0.02, "close"])
    response = user.post()
    assert (Failure.RESET, 1) == (response.failure, response.bytes_in)


def test_connection_closed_when_idle(user, scripted, script):
    """A server that hangs up between exchanges costs a connection, not an attempt."""
    script.play([OK + b"content-length: 1\r\n\r\na", "close"])
    assert b"a" == user.get().body
    assert scripted.ended.acquire(timeout=5)
    assert (None, b"fresh-01") == ((r := user.post(key="fresh-01")).failure, r.body)
    assert 2 == scripted.accepted


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n",
        b"\x00" * 100,
        b"220 smtp.example.com ESMTP\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46" * 3,
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
        b"HTTP/3.7 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nzz",
        OK + b"content-length: -1\r\n\r\nx",
        OK + b"content-length: 0x1\r\n\r\nx",
        OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\nxx",
        OK + b"content-length: 99999999999999999999999\r\n\r\nx",
        OK + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        OK + b"transfer-encoding: gzip\r\n\r\nx",
        OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n-1\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
        OK + b"bad header\r\n\r\n",
    ],
)
def test_malformed_answers(user, script, answer):
    """What is no HTTP is told at once: no wait for more, no guess."""
    script.play([answer, "hold"])
    response = user.get(deadline_s=2 * PROMPT_S)
    assert Failure.MALFORMED is response.failure
    assert response.detail
    assert seconds(response) < PROMPT_S
    assert b"fresh-01" == user.get("fresh-01").body


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"x: " + b"y" * 9000,
        OK + b"x: y\r\n" * 2000,
        b"HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n" * 1000,
        OK + b"content-length: 20001\r\n\r\n",
        OK + b"\r\n" + b"x" * 20_001,
        OK
        + b"transfer-encoding: chunked\r\n\r\n"
        + b"fff\r\n"
        + (b"x" * 4095 + b"\r\nfff\r\n") * 6,
        OK + b"transfer-encoding: chunked\r\n\r\n1;" + b"x" * 20_000,
        OK + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * 3000,
    ],
    ids=["line", "lines", "interim", "length", "body", "chunks", "extension", "trailers"],
)
def test_bounds(make_user, scripted, script, answer):
    """A head or a body over its bound is malformed, long before it ends."""
    user = make_user(
        f"http://127.0.0.1:{scripted.port}", max_head_bytes=8192, max_body_bytes=20_000
    )
    script.play([answer, "hold"])
    response = user.get(deadline_s=2 * PROMPT_S)
    assert Failure.MALFORMED is response.failure
    assert seconds(response) < PROMPT_S
    assert b"fresh-01" == user.get("fresh-01").body


def test_endless_body(make_user, scripted, script):
    """A server that sends as fast as it can is cut off at the bound."""
    user = make_user(f"http://127.0.0.1:{scripted.port}", max_body_bytes=1_000_000)
    script.play([OK + b"\r\n", *[b"x" * 100_000] * 1000])
    response = user.get()
    assert Failure.MALFORMED is response.failure
    assert response.bytes_in < 2_000_000


def test_server_that_takes_nothing(make_user, serve):
    """A request that the server does not read runs into the send timeout."""
    ended = threading.Event()
    server = serve(lambda _: ended.wait(2 * PROMPT_S))
    user = make_user(f"http://127.0.0.1:{server.port}", read_s=0.3)
    response = user.post(bytes(16_000_000))
    assert Failure.SEND_TIMEOUT is response.failure
    hasty = user.post(bytes(16_000_000), deadline_s=0.15)
    assert Failure.DEADLINE is hasty.failure
    ended.set()
    assert seconds(hasty) < PROMPT_S


def test_large_request_and_answer(make_user, scripted, script):
    """Bodies far larger than a socket's buffer go through whole, both ways."""
    user = make_user(f"http://127.0.0.1:{scripted.port}")
    body = bytes(range(256)) * 20_000
    script.play([OK + b"content-length: %d\r\n\r\n" % len(body) + body])
    response = user.post(body)
    assert body == response.body
    assert script.requests[0].endswith(body)
    assert len(script.requests[0]) == response.bytes_out
    assert b"fresh-01" == user.get("fresh-01").body


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "/a\r\nx-evil: 1"),
        Request("GET", "/a b"),
        Request("GET", "/ä"),
        Request("GET", "a"),
        Request("GET", ""),
        Request("GET", "/a", None, "key\r\nx-evil: 1"),
        Request("GET", "/a", None, "key\n"),
        Request("GET\r\n", "/a"),
        Request("get", "/a"),
        Request("HEAD", "/a"),
        Request("CONNECT", "/a"),
    ],
)
def test_injection_is_a_mistake_of_the_caller(user, script, request_):
    """What would write headers of its own is refused before anything is sent."""
    with pytest.raises(ValueError, match=r".+"):
        user.transport.exchange(request_, unix_ns() + 10**9)
    assert b"fresh-01" == user.get("fresh-01").body
    assert 1 == len(script.requests)


def test_close_is_final_and_harmless(user):
    """A transport may be closed twice."""
    assert b"fresh-01" == user.get("fresh-01").body
    user.transport.close()
    user.transport.close()
