"""Hostile clients: their input is refused with a message, within a bounded time."""

from __future__ import annotations

import json
import socket
import time
from urllib.parse import urlsplit

import pytest

from harness.standin.config import StandinConfig
from harness.standin.connections import HEAD_BYTES_MAX
from harness.standin.launch import Standin

HEAD = b"POST /scrapers/a/runs HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\n"


def speak(client, *pieces):
    """Send pieces over a new connection; returns the response until its end."""
    parts, heard = urlsplit(client.standin.url), b""
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as line:
        try:
            for piece in pieces:
                line.sendall(piece)
        except OSError:
            pass  # it was cut off; the response can still be read
        try:
            while piece := line.recv(65_536):
                heard += piece
        except ConnectionResetError:
            pass
    return heard


def refusal(heard):
    """Status and message of the only response."""
    head, _, body = heard.partition(b"\r\n\r\n")
    assert b"connection: close" in head
    return int(head.split()[1]), json.loads(body)["error"]


def post(body, *headers):
    """A request whose connection ends with its answer."""
    return b"".join(
        [HEAD, *headers, b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body), body]
    )


TOO_LONG = (431, f"a head of more than {HEAD_BYTES_MAX} bytes")


@pytest.mark.parametrize(
    "pieces",
    [
        [HEAD, b"a: ", b"b" * (HEAD_BYTES_MAX + 1)],
        [HEAD, b"a: b\r\n" * (HEAD_BYTES_MAX // 6 + 1)],
        [b"GET /", b"a" * (HEAD_BYTES_MAX + 1)],
        [HEAD, b"transfer-encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n" * HEAD_BYTES_MAX],
        [HEAD, b"transfer-encoding: chunked\r\n\r\n1;", b"a" * (HEAD_BYTES_MAX + 1000)],
    ],
    ids=["one-header", "many-headers", "target", "trailers", "chunk-extension"],
)
def test_a_head_without_end_is_refused(honest, pieces):
    """The connection is closed; the next one is served."""
    assert TOO_LONG == refusal(speak(honest, *pieces))
    assert 200 == honest.health().status_code


def test_a_body_in_the_smallest_chunks_is_a_body(honest):
    """5 bytes of framing for each byte of body are not taken for a head."""
    body = b'{"input":"' + b"x" * 30_000 + b'"}'
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    heard = speak(
        honest, HEAD + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n" + chunks
    )
    assert heard.startswith(b"HTTP/1.1 202 ")


def test_a_stated_length_that_is_too_large_is_refused_at_once(honest):
    """It is refused because of its head."""
    heard = speak(honest, HEAD + b"connection: close\r\ncontent-length: 9999999\r\n\r\n")
    assert (413, "the body is larger than 1048576 bytes") == refusal(heard)


def test_a_request_sent_byte_by_byte_times_out(hasty):
    """The time counts from the request's first byte, not from the last received."""
    parts, begun = urlsplit(hasty.standin.url), time.perf_counter()
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as line:
        line.sendall(HEAD)
        line.settimeout(0.05)
        heard = b""
        while not heard:
            assert time.perf_counter() - begun < 10
            try:
                line.sendall(b"x")
                heard = line.recv(65_536)
            except TimeoutError:
                continue
    assert heard.startswith(b"HTTP/1.1 408 ")


@pytest.fixture(scope="module")
def hasty(honest):
    """A stand-in that gives a request 400 ms to arrive."""
    with Standin(StandinConfig(request_timeout_s=0.4)) as it:
        client = type(honest)(it)
        yield client
        client.http.close()


@pytest.mark.parametrize(
    "value",
    [b"1e400", b"123456789012345678901234567890", b"1.0", b'{"a":1,"a":2}',
     b'"\\"replayed\\":false"'],
)  # fmt: skip
def test_an_input_is_replayed_to_the_letter(honest, value):
    """Numbers beyond every type, repeated names: a replay is the same run."""
    key = b"idempotency-key: letter-%s\r\n" % value.hex().encode()
    bodies = [
        speak(honest, post(b'{"input":' + value + b"}", key)).partition(b"\r\n\r\n")[2]
        for _ in range(2)
    ]
    assert b'"input":' + value + b',"output":null' in bodies[0]
    replayed = bodies[0].replace(b'"replayed":false,"links"', b'"replayed":true,"links"')
    assert replayed == bodies[1] != bodies[0]


@pytest.mark.parametrize("value", [b'"\xff"', b'{"\xff":1}', b"NaN", b"[" * 50_000])
def test_an_input_that_is_no_json_is_a_400(honest, value):
    """Although nothing reads the input: invalid UTF-8 must not reach the next reader."""
    heard = speak(honest, post(b'{"input":' + value + b"}"))
    assert heard.startswith(b"HTTP/1.1 400 ")
    assert b"CLOUD_CONFIG_INVALID" in heard


def test_without_a_host_header_sockets_have_the_server_s_address(honest):
    """The sockets of a session always have an address."""
    body = json.dumps(honest.session_body()).encode()
    head = b"POST /sessions HTTP/1.0\r\nx-api-key: k\r\ncontent-length: %d\r\n\r\n" % len(body)
    created = json.loads(speak(honest, head + body).partition(b"\r\n\r\n")[2])
    place = honest.standin.url.replace("http://", "ws://")
    assert f"{place}/ws/action/{created['sessionId']}" == created["actionWsUrl"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b" " * (1 << 20) + b"{}", 413),
        (b'{"fail":' + b"[" * 50_000, 400),
        (b'{"session_lifetime_s":1e300}', 400),
        (b'{"rate":1e308,"window_s":1e9}', 400),
        (b'{"latency":{"*":"99999999999999999999h"}}', 400),
        (b'{"lies":\xff}', 400),
        (b"", 400),
    ],
)
def test_invalid_settings_are_refused_and_change_nothing(honest, body, status):
    """The error says why; the settings stay the same."""
    before = honest.standin.control()
    answer = honest.http.post("/__control__", content=body)
    assert status == answer.status_code
    assert answer.json()["error"]
    assert before == honest.standin.control()
