"""What well-behaved servers send, and how both transports read it."""

from __future__ import annotations

import gzip
import zlib

import pytest

from harness.wire import Failure, Timeouts

OK = b"HTTP/1.1 200 OK\r\n"


def test_reply_carries_status_headers_body_and_bytes(user, script):
    """The parts of an answer that the harness needs are in the reply, and its size."""
    answer = (
        b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\n"
        b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )
    script.play([answer])
    response = user.post(b'{"a":1}', "key-0001")
    assert (429, b"{}", "7", "application/json", None, "") == (
        response.status,
        response.body,
        response.retry_after,
        response.content_type,
        response.failure,
        response.detail,
    )
    assert (len(script.requests[0]), len(answer)) == (response.bytes_out, response.bytes_in)
    assert response.start_ns < response.end_ns


def test_request_is_written_as_asked(make_user, serve, script):
    """Prefix, host, own headers, key, length and body stand in the request."""
    port = serve(script).port
    user = make_user(f"http://127.0.0.1:{port}/v1/", headers=(("X-Api-Key", "osk_secret"),))
    user.post(b'{"a":1}', "key-0001")
    head, _, body = script.requests[0].partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert (b"POST /v1/thing HTTP/1.1", b'{"a":1}') == (head.split(b"\r\n")[0], body)
    assert {
        f"host: 127.0.0.1:{port}".encode(),
        b"x-api-key: osk_secret",
        b"content-type: application/json",
        b"idempotency-key: key-0001",
        b"content-length: 7",
    } == set(lines[1:])


def test_post_without_body_says_so(user, script):
    """A POST with no body states a length of zero, a GET states none."""
    user.post(None)
    user.get()
    assert [True, False] == [b"content-length: 0" in r.lower() for r in script.requests]


def test_connection_is_kept(user, scripted):
    """Many exchanges of one user need one connection."""
    for _ in range(20):
        key = user.new_key()
        assert key.encode() == user.post(key=key).body
    assert 1 == scripted.accepted


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK + b"content-length: 0\r\n\r\n", b""),
        (
            OK + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
            b"abcde",
        ),
        (OK + b"Transfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\nretry-after: 9\r\n\r\n", b"a"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"content-length: 1\r\n\r\na", b"a"),
        (
            b"HTTP/1.1 103 Early Hints\r\nretry-after: 3\r\nlink: </x>\r\n\r\n"
            + OK
            + b"content-length: 1\r\n\r\na",
            b"a",
        ),
        (OK + b"Upgrade: h2c\r\nConnection: Upgrade\r\ncontent-length: 1\r\n\r\na", b"a"),
    ],
    ids=["empty", "chunked", "trailer", "204", "100", "103", "upgrade-offer"],
)
def test_framings_that_keep_the_connection(user, script, scripted, answer, body):
    """Each framing is read to its end, and the connection goes on."""
    script.play([answer], [answer])
    for _ in range(2):
        response = user.post()
        assert (None, body, None) == (response.failure, response.body, response.retry_after)
    assert b"fresh-01" == user.get("fresh-01").body
    assert 1 == scripted.accepted


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK + b"\r\nuntil the end", b"until the end"),
        (OK + b"connection: close\r\ncontent-length: 3\r\n\r\nabc", b"abc"),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nabc", b"abc"),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", b""),
    ],
    ids=["until-close", "connection-close", "1.0", "304"],
)
def test_framings_that_end_the_connection(user, script, scripted, answer, body):
    """The body is whole, and the next exchange takes a new connection."""
    script.play([answer, 0.01, "close"])
    response = user.post()
    assert (None, body) == (response.failure, response.body)
    script.settled.wait(5)
    assert b"fresh-01" == user.get("fresh-01").body
    assert 2 == scripted.accepted


BARE = zlib.compressobj(wbits=-15)
CODED = {
    "gzip": gzip.compress(b"plain text"),
    "x-gzip": gzip.compress(b"plain ") + gzip.compress(b"text"),
    "deflate": zlib.compress(b"plain text"),
    "Deflate": BARE.compress(b"plain text") + BARE.flush(),
    "identity": b"plain text",
}


@pytest.mark.parametrize("coding", CODED)
def test_codings_are_undone(user, script, coding):
    """A coded body is decoded, though nobody asked for a coding."""
    body = CODED[coding]
    script.play(
        [OK + f"content-encoding: {coding}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body]
    )
    assert b"plain text" == user.get().body


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", b"no gzip at all"),
        ("gzip", gzip.compress(b"plain text")[:-4]),
        ("gzip", gzip.compress(bytes(2_000_000))),
        ("deflate", zlib.compress(bytes(2_000_000))),
        ("br", b"whatever"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"x"))),
    ],
    ids=["garbage", "cut", "gzip-bomb", "deflate-bomb", "unknown", "twice"],
)
def test_bad_codings_are_malformed(make_user, scripted, script, coding, body):
    """What cannot be decoded within the bound is no answer, and nothing is left of it."""
    user = make_user(f"http://127.0.0.1:{scripted.port}", max_body_bytes=1_000_000)
    script.play(
        [OK + f"content-encoding: {coding}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body]
    )
    response = user.get()
    assert (Failure.MALFORMED, 200, b"") == (response.failure, response.status, response.body)
    assert b"fresh-01" == user.get("fresh-01").body


def test_ipv6_and_names_are_reached(make_user, serve, script):
    """A literal IPv6 host and a name with several addresses both work."""
    try:
        six = serve(script, address="::1")
    except OSError:
        pytest.skip("no IPv6 on this machine")
    assert b"fresh-01" == make_user(f"http://[::1]:{six.port}").get("fresh-01").body
    assert b"[::1]:" in script.requests[0]
    four = serve(script)
    assert b"fresh-02" == make_user(f"http://localhost:{four.port}").get("fresh-02").body


SECOND = OK + b"content-length: 5\r\n\r\nwrong"
CHUNKS = OK + b"transfer-encoding: chunked\r\n\r\n8\r\n<KEY-ID>\r\n0\r\n\r\n"
LENGTH = OK + b"content-length: 8\r\n\r\n<KEY-ID>"


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("answer", "surplus"),
    [(LENGTH, SECOND), (LENGTH, b"garbage"), (CHUNKS, SECOND)],
    ids=["second-answer", "garbage", "after-chunks"],
)
def test_surplus_bytes_never_reach_the_next_answer(user, script, scripted, answer, surplus, late):
    """What follows an answer, at once or a little later, costs the connection only."""
    script.play([answer, 0.02, surplus] if late else [answer + surplus])
    assert b"key-0001" == user.get("key-0001").body
    script.settled.wait(5)
    for key in ("key-0002", "key-0003"):
        assert key.encode() == user.get(key).body
    assert 2 == scripted.accepted


@pytest.mark.parametrize(
    "empty",
    [b"HTTP/1.1 204 No Content\r\n\r\n", OK + b"content-length: 0\r\n\r\n"],
    ids=["204", "length-0"],
)
def test_surplus_after_an_answer_that_ends_with_its_head(user, script, scripted, empty):
    """Nothing is left to read of it, and what came along is not the next one's."""
    script.play([empty + SECOND])
    assert b"" == user.get().body
    assert b"key-0002" == user.get("key-0002").body
    assert 2 == scripted.accepted


@pytest.mark.parametrize("surplus", [b"\r", b"\n", b"\r\n"], ids=["cr", "lf", "crlf"])
@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (LENGTH, b"key-0001"),
        (CHUNKS, b"key-0001"),
        (OK + b"content-length: 2\r\n\r\n\r\n", b"\r\n"),
        (OK + b"content-length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
    ids=["length", "chunks", "body-of-blank", "length-0", "204"],
)
def test_a_stray_line_end_is_surplus_too(user, script, scripted, answer, body, surplus):
    """A parser passes over it; what reads the next answer may not."""
    script.play([answer + surplus])
    assert body == user.get("key-0001").body
    for key in ("key-0002", "key-0003"):
        assert (None, key.encode()) == ((response := user.get(key)).failure, response.body)
    assert 2 == scripted.accepted


@pytest.mark.parametrize("bounds", [(0, 1), (1, 0), (-1, 1), (float("nan"), 1)])
def test_timeouts_are_positive(bounds):
    """A timeout of nothing would fail every exchange."""
    with pytest.raises(ValueError, match="positive"):
        Timeouts(*bounds)
