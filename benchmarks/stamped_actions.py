"""
The scenario `session_actions` with the kernel's word on when each answer was there.

`benchmarks.sockets` runs it as a locustfile. The kernel stamps what a stream receives
(SO_TIMESTAMPNS, socket(7)). What an action's service time holds before its request had
left and after its answer was there is the harness's own; the rest is the server's::

    start ── encode, send ── left ···· server ···· there ── wake up, read ── end
    └──────── own ────────┘                        └───────── own ─────────┘
"""

from __future__ import annotations

import _socket
import atexit
import os
import struct
from array import array
from pathlib import Path

from harness.client.sockets import connection
from harness.clock import unix_ns
from harness.units import NS_PER_S
from harness.wire.fast import dial
from harness.wire.fast.stream import _CHUNK_BYTES, Stream
from harness.wire.transport import Failure
from harness.wire.websocket import WebSocket
from scenarios.session_actions import SessionActionsUser

__all__ = ["SessionActionsUser"]

OWN_FILE = "HARNESS_BENCH_OWN"
"""Environment: where (start of the action, its own part) go, Unix ns and ns, as int64."""
_SO_TIMESTAMPNS = 35
_STAMP = struct.Struct("qq")
_ANCILLARY_BYTES = 64

_own = array("q")


class StampedStream(Stream):
    """Keeps when the kernel had what was received last, by any stream."""

    there_ns = 0

    def __init__(self, family: int, silence_ns: int, deadline_ns: int) -> None:
        super().__init__(family, silence_ns, deadline_ns)
        self._sock.setsockopt(_socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)

    def receive(self, until_ns: int = 0, late: Failure = Failure.READ_TIMEOUT) -> bytes:
        while True:
            self._wait(self._readable, until_ns or unix_ns() + self._read_timeout_ns, late)
            try:
                data, ancillary, _, _ = self._sock.recvmsg(_CHUNK_BYTES, _ANCILLARY_BYTES)
            except BlockingIOError:
                continue
            for _, kind, stamp in ancillary:
                if kind == _SO_TIMESTAMPNS:
                    seconds, rest_ns = _STAMP.unpack(stamp)
                    StampedStream.there_ns = seconds * NS_PER_S + rest_ns
            return data


class StampedPendingCall(connection.PendingCall):
    """Takes down the harness's own part of each answered action."""

    def resolve(self, heard: object) -> tuple[object, object]:
        landed = super().resolve(heard)
        start_ns, end_ns = landed[0].start_ns, landed[0].end_ns
        own_ns = self.socket.left_ns - start_ns + end_ns - StampedStream.there_ns
        _own.extend((start_ns, own_ns))
        return landed


def _send(socket: WebSocket, message: bytes, deadline_ns: int) -> None:
    _plain_send(socket, message, deadline_ns)
    socket.left_ns = unix_ns()


_plain_send = WebSocket.send
WebSocket.send = _send
dial.Stream = StampedStream
connection.PendingCall = StampedPendingCall
atexit.register(lambda: Path(os.environ[OWN_FILE]).write_bytes(_own.tobytes()))
