"""
A WebSocket peer written by hand from RFC 6455: bytes in, bytes out.

It takes frames apart with a few lines of its own, so that a mistake of the library is not
read by the same library.
"""

from __future__ import annotations

import base64
import hashlib
import re
import struct
from typing import Any

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = False) -> bytes:
    """One server's frame (RFC 6455, section 5.2)."""
    size = len(payload)
    head = bytes([opcode | (0x80 if fin else 0)])
    flag = 0x80 if masked else 0
    if size < 126:
        head += bytes([size | flag])
    else:
        head += bytes([126 | flag]) + struct.pack(">H", size)
    return head + (b"\0\0\0\0" if masked else b"") + payload


def close_frame(status: int, reason: str = "") -> bytes:
    """A close frame."""
    return frame(CLOSE, struct.pack(">H", status) + reason.encode())


class Peer:
    """The server's side of one connection."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.head = connection.read_head() or b""
        self.rest = connection.rest

    def accept(self) -> None:
        """Agree to the upgrade."""
        key = re.search(rb"(?i)sec-websocket-key: (\S+)", self.head)[1]
        magic = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        token = base64.b64encode(hashlib.sha1(key + magic).digest())  # noqa: S324  the RFC's own
        self.say(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade"
            b"\r\nsec-websocket-accept: " + token + b"\r\n\r\n"
        )

    def say(self, data: bytes) -> None:
        """Send bytes."""
        self.connection.sock.sendall(data)

    def take(self, size: int) -> bytes:
        """Exactly so many bytes; fewer at the end of the connection."""
        while len(self.rest) < size and (piece := self.connection.sock.recv(65536)):
            self.rest += piece
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def hear(self) -> tuple[int, bytes, bool]:
        """One frame of the client: opcode, payload, whether it was masked."""
        head = self.take(2)
        if len(head) < 2:
            return -1, b"", False
        size = head[1] & 0x7F
        if size == 126:
            (size,) = struct.unpack(">H", self.take(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", self.take(8))
        masked = bool(head[1] & 0x80)
        mask = self.take(4) if masked else bytes(4)
        data = bytes(byte ^ mask[n % 4] for n, byte in enumerate(self.take(size)))
        return head[0] & 0x0F, data, masked
