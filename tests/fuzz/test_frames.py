"""Frames and batches of arbitrary bytes, read by each of their readers."""

from __future__ import annotations

import base64
import hashlib
import re

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.standin.sockets.commands import CdpError, read_command
from harness.standin.sockets.devtools import DevTools
from harness.standin.sockets.frames import ActionRequest, read_request
from harness.trial.batches import attempts_table, from_ipc, to_ipc
from harness.trial.schema import ATTEMPTS
from harness.wire import upgrade
from harness.wire.transport import ExchangeError, Failure, Response, Target
from tests.fuzz.test_readers import JSON, mutated
from tests.trials import attempt

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
FRAMES = st.lists(
    st.binary(max_size=40)
    | st.tuples(st.integers(0, 255), st.binary(max_size=120)).map(
        lambda frame: bytes([frame[0], len(frame[1])]) + frame[1]
    ),
    max_size=6,
)


class Scripted:
    """A stream whose server accepts an upgrade, or does not, and then sends anything."""

    def __init__(self, pieces, *, agrees, interpretation=b""):
        self.deadline_ns = 0
        self._pieces = list(pieces)
        self._agrees = agrees
        self._answer = interpretation

    def send(self, data):
        """Accept everything; the response of an upgrade comes first."""
        key = re.search(rb"(?i)sec-websocket-key: (\S+)", data)
        if key:
            token = base64.b64encode(hashlib.sha1(key[1] + MAGIC).digest())  # noqa: S324  the RFC's own
            agreed = (
                b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
                b"connection: upgrade\r\nsec-websocket-accept: " + token + b"\r\n\r\n"
            )
            self._pieces.insert(0, agreed if self._agrees else self._answer)
        return len(data)

    def receive(self):
        """The next piece; after the last, a timeout."""
        if not self._pieces:
            raise ExchangeError(Failure.READ_TIMEOUT, "nothing came")
        return self._pieces.pop(0)

    def close(self):
        """Drop the rest."""
        self._pieces = []


class Reluctant(Scripted):
    """A stream that accepts a few bytes at a time, because there is always something to read."""

    def __init__(self, pieces, *, takes):
        super().__init__(pieces, agrees=True)
        self._takes = takes
        self.taken = b""

    def send(self, data):
        """Take some."""
        if data.startswith(b"GET "):
            return super().send(data)
        self.taken += data[: self._takes]
        return min(len(data), self._takes)

    def frames(self):
        """Opcode and payload of each complete frame sent, and the rest."""
        found, rest = [], self.taken
        while len(rest) >= 6 and len(rest) >= 6 + (size := rest[1] & 0x7F):
            mask, data = rest[2:6], rest[6 : 6 + size]
            found.append((rest[0] & 0x0F, bytes(b ^ mask[n % 4] for n, b in enumerate(data))))
            rest = rest[6 + size :]
        return found, rest


class Promising(Scripted):
    """A stream that, like TLS, finishes the first data before it accepts any other."""

    _promised = 0

    def send(self, data):
        """Accept nothing of the first data, because there is something to read; then exactly it."""
        if data.startswith(b"GET "):
            return super().send(data)
        if not self._promised:
            self._promised = len(data)
            return 0
        return min(self._promised, len(data))


def upgraded(monkeypatch_to):
    """Upgrade over a scripted stream."""
    place = upgrade.parse_socket_url("ws://127.0.0.1:1/actions/s", "token")
    original, upgrade.dial = upgrade.dial, lambda *_: monkeypatch_to
    try:
        return upgrade.upgrade(place, Target("http://127.0.0.1:1"), None, 1)
    finally:
        upgrade.dial = original


@settings(max_examples=60)
@given(st.text(max_size=25), st.integers(9, 30))
def test_pongs_never_stand_in_the_middle_of_a_message(text, takes):
    """A server that pings faster than it reads still gets complete frames."""
    stream = Reluctant([b"\x89\x01!"] * 200, takes=takes)
    _, socket = upgraded(stream)
    socket.send(text.encode(), 1)
    (first, *others), rest = stream.frames()
    assert (1, text.encode()) == first
    assert {(10, b"!")} >= set(others)
    assert b"" == rest


def test_a_pong_behind_a_message_waits_for_nothing():
    """The ping came while the message was being sent, and nothing follows."""
    _, socket = upgraded(Promising([b"\x89\x01!"], agrees=True))
    before = socket.bytes_out
    socket.send(b"text", 1)
    assert (2 + 4 + 4) + (2 + 4 + 1) == socket.bytes_out - before


@settings(max_examples=120)
@given(FRAMES)
def test_any_frames_are_messages_an_end_or_silence(pieces):
    """Whatever a server sends after the upgrade, reading ends, and says how."""
    response, socket = upgraded(Scripted(pieces, agrees=True))
    assert response.status == 101

    try:
        while (message := socket.receive(1)) is not None:
            assert isinstance(message, bytes)
    except ExchangeError:
        assert socket.closed is None
    socket.close()

    assert socket.closed is not None


@settings(max_examples=80)
@given(st.binary(max_size=200), st.sampled_from([b"", b"HTTP/1.1 ", b"HTTP/1.1 401 No\r\n"]))
def test_any_answer_to_an_upgrade_is_a_reply(data, head):
    """A refusal, or why there was none; never a socket, never an exception."""
    response, socket = upgraded(Scripted([], agrees=False, interpretation=head + data))

    assert isinstance(response, Response)
    assert socket is None
    assert response.status or response.failure


@settings(max_examples=100)
@given(
    JSON.map(msgspec.json.encode)
    | st.fixed_dictionaries({"id": JSON, "method": JSON, "sessionId": JSON, "token": JSON}).map(
        msgspec.json.encode
    )
    | st.binary(max_size=60)
)
def test_any_frame_to_the_action_socket_is_a_request_or_told_as_none(frame):
    """With its id, where it has one."""
    read = read_request(frame)

    assert isinstance(read, ActionRequest) or (isinstance(read[0], int) and read[1])


@settings(max_examples=150)
@given(
    st.sampled_from(
        ["Target.createTarget", "Target.attachToTarget", "Target.closeTarget",
         "Target.getTargetInfo", "Page.navigate", "Runtime.evaluate",
         "Runtime.callFunctionOn", "Browser.getVersion", "Page.getFrameTree", "x"]
    )
    | st.text(max_size=20),
    st.dictionaries(
        st.sampled_from(["url", "targetId", "expression", "arguments", "sessionId", "flatten",
                         "frameId", "returnByValue"]),
        JSON,
    ),
)  # fmt: skip
def test_any_devtools_command_is_answered(method, params):
    """Unusual parameters are an error for their sender."""
    frame = msgspec.json.encode({"id": 7, "method": method, "params": params})
    try:
        command = read_command(frame)
    except CdpError as error:
        assert error.payload()  # noqa: PT017  both ways out are allowed
        return

    messages = list(DevTools(chrome_page_first=True).handle(command))

    assert 7 in [message.get("id") for message in messages]
    assert msgspec.json.encode(messages)


@settings(max_examples=80)
@given(st.data())
def test_a_changed_batch_is_a_batch_or_a_value_error(data):
    """What a worker of another machine sends to the master."""
    blob = mutated(data, to_ipc(attempts_table([attempt(call_id=n) for n in range(4)])))

    try:
        table = from_ipc(blob, ATTEMPTS)
    except ValueError as error:
        assert str(error)  # noqa: PT017  both ways out are allowed
    else:
        assert table.schema.equals(ATTEMPTS)
