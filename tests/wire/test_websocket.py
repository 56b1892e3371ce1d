"""Our WebSocket against a peer that is not ours: what is sent, read, bounded and refused."""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from harness.clock import unix_ns
from harness.errors import UsageError
from harness.wire import Failure, Target, Timeouts
from harness.wire.factory import shared_tls_context
from harness.wire.transport import ExchangeError
from harness.wire.upgrade import parse_socket_url, upgrade
from tests.wire.peer import BINARY, CLOSE, PING, PONG, TEXT, Peer, close_frame, frame

S = 1_000_000_000
WRONG = (
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-accept: wrong\r\n\r\n"
)


@pytest.fixture
def open_to(serve):
    """Open a socket to a peer that runs the given script after the upgrade."""
    opened = []

    def begin(script: Callable[[Peer], None], *, accept: bool = True, **options: Any):
        def handler(connection: Any) -> None:
            peer = Peer(connection)
            if accept:
                peer.accept()
            script(peer)

        server = serve(handler)
        target = Target(
            f"http://127.0.0.1:{server.port}",
            headers=(("user-agent", "test"), ("x-api-key", "osk_secret")),
            timeouts=Timeouts(2.0, options.pop("read_s", 2.0)),
            **options,
        )
        place = parse_socket_url(f"ws://127.0.0.1:{server.port}/ws/action/s1?a=b", "t/1")
        response, ours = upgrade(place, target, shared_tls_context, unix_ns() + 3 * S)
        if ours is not None:
            opened.append(ours)
        return response, ours

    yield begin
    for ours in opened:
        ours.abort()


def soon() -> int:
    """A deadline in two seconds."""
    return unix_ns() + 2 * S


def test_the_upgrade_carries_the_token_and_no_key(open_to):
    """Path, query and token in the request line; the API key stays at home."""
    heads = []
    response, socket = open_to(lambda peer: heads.append(peer.head))
    assert (101, None) == (response.status, response.failure)
    assert socket is not None
    assert 0 < response.bytes_out < 400
    socket.poll(1.0)  # until the peer has left
    assert heads[0].startswith(b"GET /ws/action/s1?a=b&token=t%2F1 HTTP/1.1\r\n")
    assert b"user-agent: test" in heads[0]
    assert re.search(rb"\r\nHost: 127\.0\.0\.1:\d+\r\n", heads[0])
    assert b"osk_secret" not in heads[0]


def test_the_token_is_logged_at_no_level(open_to, caplog):
    """The library logs the request line at level DEBUG."""
    caplog.set_level("DEBUG")
    for name in ("websockets.client", "websockets"):
        caplog.set_level("DEBUG", name)
    response, _ = open_to(lambda peer: peer.hear())
    assert 101 == response.status
    assert [] == [record for record in caplog.records if "token" in record.getMessage()]


def test_frames_are_masked_and_answers_read(open_to):
    """Text of three lengths goes out masked and whole, and comes back unmasked."""
    seen = []

    def echo(peer: Peer) -> None:
        while (heard := peer.hear())[0] == TEXT:
            seen.append(heard)
            peer.say(frame(TEXT, heard[1]))

    _, socket = open_to(echo)
    for size in (5, 300, 65_000):
        message = ("é" + "x" * size).encode()
        socket.send(message, soon())
        assert message == socket.receive(soon())
        assert (TEXT, message, True) == seen[-1]


def test_fragments_and_binary_make_one_message(open_to):
    """Fragments with a ping between them are one message; the ping is answered."""
    pongs = []

    def script(peer: Peer) -> None:
        peer.say(frame(TEXT, "né".encode()[:2], fin=False) + frame(PING, b"beat"))
        pongs.append(peer.hear())
        peer.say(frame(0, "né".encode()[2:]) + frame(BINARY, b"\x00\xff"))
        peer.hear()

    _, socket = open_to(script)
    assert "né".encode() == socket.receive(soon())
    assert b"\x00\xff" == socket.receive(soon())
    assert [(PONG, b"beat", True)] == pongs


def test_pings_are_answered_while_nobody_asks(open_to):
    """While the user thinks, his socket is looked after; what comes is kept."""
    pongs = []

    def script(peer: Peer) -> None:
        peer.say(frame(PING, b"1") + frame(TEXT, b"news"))
        pongs.append(peer.hear()[:2])
        peer.hear()

    _, socket = open_to(script)
    assert socket.poll(0.2)
    assert [(PONG, b"1")] == pongs
    assert b"news" == socket.receive(unix_ns())


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (close_frame(1011, "CLOUD_CONNECTION_LOST"), 1011, "CLOUD_CONNECTION_LOST"),
        (close_frame(1000), 1000, ""),
        (frame(CLOSE), 1005, ""),
        (b"", 1006, "the connection ended without a close frame"),
        (frame(TEXT, b"x", masked=True), 1002, "incorrect masking"),
        (frame(3, b"x"), 1002, "invalid opcode"),
        (frame(PING, b"x" * 126), 1002, "control frame too long"),
    ],
)
def test_every_end_is_told_apart(open_to, data, status, reason):
    """A close frame says how; a bare end and broken frames are abnormal."""
    echoed = []

    def script(peer: Peer) -> None:
        peer.say(data)
        if status != 1006:
            echoed.append(peer.hear())

    _, socket = open_to(script)
    assert None is socket.receive(soon())
    assert (status, reason) == socket.closed
    assert not socket.poll(0.01)
    socket.send(b"too late", soon())  # to nobody, without a fuss
    if status in {1011, 1000}:
        deadline = time.monotonic() + 2
        while not echoed and time.monotonic() < deadline:
            time.sleep(0.005)
        assert (CLOSE, struct.pack(">H", status)) == (echoed[0][0], echoed[0][1][:2])


def test_a_farewell_is_answered_or_waited_for_a_second(open_to):
    """Close sends 1000 and takes the server's echo; a silent server costs a second."""
    heard = []

    def script(peer: Peer) -> None:
        heard.append(peer.hear()[:2])
        peer.say(close_frame(1000))

    _, socket = open_to(script)
    socket.close()
    assert [(CLOSE, struct.pack(">H", 1000))] == heard
    assert 1000 == socket.closed.status
    _, silent = open_to(lambda peer: peer.connection.hold())
    times_s = [time.monotonic()]
    for _ in range(2):
        silent.close()
        times_s.append(time.monotonic())
    first_s, again_s = times_s[1] - times_s[0], times_s[2] - times_s[1]
    assert again_s < first_s / 2  # only the first close waits
    assert 1006 == silent.closed.status


def test_silence_ends_at_the_deadline_and_the_socket_lives(open_to):
    """A wait is given up in time; what comes later is still received."""

    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(frame(TEXT, b"late"))
        peer.hear()

    _, socket = open_to(script)
    begun = time.monotonic()
    with pytest.raises(ExchangeError) as caught:
        socket.receive(unix_ns() + S // 10)
    assert Failure.DEADLINE is caught.value.failure
    assert time.monotonic() - begun < 5
    socket.send(b"go on", soon())
    assert b"late" == socket.receive(soon())


def test_long_messages_are_not_read(open_to):
    """Beyond the bound, in one frame or in many, the socket is closed with 1009."""

    def script(peer: Peer) -> None:
        for _ in range(5):
            peer.say(frame(TEXT if _ == 0 else 0, b"x" * 400, fin=False))
        peer.hear()

    _, socket = open_to(script, max_body_bytes=1000)
    assert None is socket.receive(soon())
    assert 1009 == socket.closed.status


def test_a_message_as_long_as_the_bound_is_read(open_to):
    """The bound is the longest message, not one byte less."""
    _, socket = open_to(
        lambda peer: (peer.say(frame(TEXT, b"x" * 1000)), peer.hear()), max_body_bytes=1000
    )
    assert b"x" * 1000 == socket.receive(soon())


def test_what_nobody_receives_is_bounded(open_to):
    """A server that talks and talks while the user thinks: the newest is kept."""

    def script(peer: Peer) -> None:
        peer.say(b"".join(frame(TEXT, b"%03d" % n * 100) for n in range(50)))
        peer.hear()

    _, socket = open_to(script, max_body_bytes=1000)
    assert socket.poll(0.2)
    assert [b"047", b"048", b"049"] == [socket.receive(soon())[:3] for _ in range(3)]
    with pytest.raises(ExchangeError):
        socket.receive(unix_ns() + S // 20)


def test_a_flood_of_frames_ends_at_the_deadline(open_to):
    """Pings without a pause, and pieces of a message that never ends, are no answer."""

    def script(peer: Peer) -> None:
        peer.say(frame(TEXT, b"", fin=False))
        while True:
            peer.say(frame(PING, b"x") + frame(0, b"", fin=False) * 1000)

    _, socket = open_to(script)
    begun = time.monotonic()
    with pytest.raises(ExchangeError):
        socket.receive(unix_ns() + S // 5)
    assert time.monotonic() - begun < 10  # a piece of the flood may take a while to read


def test_a_message_given_up_halfway_goes_on_where_it_stopped(open_to):
    """What the network had taken when the deadline passed is not sent a second time."""
    long = b"x" * (8 << 20)  # more than the buffers between the two hold
    came, reads_on = bytearray(), threading.Event()

    def script(peer: Peer) -> None:
        peer.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        reads_on.wait(5)
        while len(came) < 14 + len(long) + 6 + 5 and (piece := peer.connection.sock.recv(1 << 20)):
            came.extend(piece)
        peer.say(frame(TEXT, b"thanks"))
        peer.hear()

    _, ours = open_to(script, max_body_bytes=32 << 20)
    with pytest.raises(ExchangeError) as caught:
        ours.send(long, unix_ns() + S // 5)
    assert Failure.DEADLINE is caught.value.failure
    assert 0 < ours.bytes_out < len(long)

    threading.Thread(target=lambda: (time.sleep(0.1), reads_on.set())).start()
    ours.send(b"short", soon())
    assert b"thanks" == ours.receive(soon())
    mask, masked = came[-9:-5], came[-5:]
    assert b"\x81\x85" == came[-11:-9]
    assert b"short" == bytes(byte ^ mask[n % 4] for n, byte in enumerate(masked))


def test_empty_frames_take_no_room(open_to):
    """Neither empty pieces of a message nor empty messages pile up while nobody receives."""

    def script(peer: Peer) -> None:
        peer.say(frame(TEXT, b"", fin=False) + frame(0, b"", fin=False) * 5000)
        peer.say(frame(0, b"") + frame(TEXT, b"") * 5000 + frame(TEXT, b"last"))
        peer.hear()

    _, socket = open_to(script, max_body_bytes=1000)
    assert socket.poll(0.5)
    assert len(socket._messages) <= 1000
    assert b"last" == list(socket._messages)[-1]


def test_text_that_is_none_ends_the_socket(open_to):
    """Bytes that are no UTF-8 in a text frame: 1007."""
    _, socket = open_to(lambda peer: (peer.say(frame(TEXT, b"\xff\xfe")), peer.hear()))
    assert None is socket.receive(soon())
    assert 1007 == socket.closed.status


@pytest.mark.parametrize(
    ("answer", "status", "failure"),
    [
        (b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\n{}", 401, None),
        (b"HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n", 429, None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", 200, None),
        (b"HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 503, None),
        (b"HTTP/1.1 502 No\r\n\r\nuntil the end", 502, None),
        (b"HTTP/1.0 503 Busy\r\n\r\nuntil the end", 503, None),
        (b"HTTP/1.1 502 No\r\ncontent-length: 9\r\n\r\nless", 0, Failure.RESET),
        (b"HTTP/1.1 502 No\r\ncontent-length: 99999999\r\n\r\n", 0, Failure.MALFORMED),
        (b"HTTP/1.1 502 No\r\ntransfer-encoding: chunked\r\n\r\nfffffff\r\n", 0, Failure.MALFORMED),
        (b"SSH-2.0-OpenSSH\r\n\r\n", 0, Failure.MALFORMED),
        (b"HTTP/1.1 101 Sw", 0, Failure.RESET),
        (WRONG, 0, Failure.MALFORMED),
    ],
)  # fmt: skip
def test_refusals_are_replies(open_to, answer, status, failure):
    """Status, body and Retry-After as of any answer; what is none is a failure."""
    response, socket = open_to(lambda peer: peer.say(answer), accept=False)
    assert None is socket
    assert (status, failure) == (response.status, response.failure)
    assert ("7" if status == 429 else None) == response.retry_after
    assert "t/1" not in response.detail


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (WRONG, "InvalidHeaderValue: Sec-WebSocket-Accept"),
        (WRONG.replace(b"connection: upgrade\r\n", b""), "InvalidUpgrade: Connection"),
        (b"GET /ws?token=t%2F1 is no answer\r\n\r\n", "ValueError"),
    ],
)
def test_what_is_wrong_with_an_answer_is_told_in_words_of_our_own(open_to, answer, word):
    """A server may send back the URL with the token; none of its bytes is repeated."""
    response, _ = open_to(lambda peer: peer.say(answer), accept=False)
    assert f"not a response to an upgrade ({word}" in response.detail
    assert "token=" not in response.detail


def test_a_silent_server_is_a_timeout(open_to):
    """Nothing said to the upgrade for read_s: given up."""
    response, _ = open_to(lambda peer: peer.connection.hold(), accept=False, read_s=0.1)
    assert Failure.READ_TIMEOUT is response.failure


def test_urls_that_are_none_are_refused_without_repeating_them():
    """A URL holds a token, so no message may hold the URL."""
    for url in (
        "http://h/x",
        "ws://",
        "ws://u:secret@h/",
        "ws://h/a b",
        "nonsense",
        "ws://h/#f",
    ):
        with pytest.raises(UsageError) as caught:
            parse_socket_url(url, "t")
        assert "secret" not in str(caught.value)
        assert "h/" not in str(caught.value).replace("ws://", "")
    assert "/?token=" == parse_socket_url("wss://h", "").target
    assert parse_socket_url("wss://h:1/p", "").origin.tls
