"""
A server that takes 10 ms a request, and stands still for the first second of every ten.

``python -m benchmarks.stalling PORT``. A request that comes in a stall, or whose work a
stall interrupts, waits until the stall is over.
"""

from __future__ import annotations

import asyncio
import sys
import time

import uvloop

SERVICE_S, STALL_S, PERIOD_S = 0.010, 1.0, 10.0
BODY = b'{"imported":1,"inserted":1,"updated":0,"skipped":0}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)
NOT_FOUND_BODY = b'{"error":"no","code":"CLOUD_SESSION_NOT_FOUND"}'
NOT_FOUND = (
    b"HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
    % (len(NOT_FOUND_BODY), NOT_FOUND_BODY)
)


def done_at(arrived_s: float) -> float:
    """When a request is answered that came so many seconds after the first stall began."""
    periods, into = divmod(arrived_s, PERIOD_S)
    into = max(into, STALL_S)
    end = into + SERVICE_S
    if end > PERIOD_S:  # the next stall interrupts it
        end += STALL_S
    return periods * PERIOD_S + end


class Protocol(asyncio.Protocol):
    """One connection; requests come one after the other."""

    def __init__(self, origin_s: float) -> None:
        self._origin_s = origin_s
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole request at its time."""
        self._rest += data
        while (end := self._rest.find(b"\r\n\r\n")) >= 0:
            head = self._rest[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._rest) < end + 4 + length:
                return
            self._rest = self._rest[end + 4 + length :]
            if head.startswith(b"get /health"):
                self._transport.write(ANSWER)
            elif head.startswith(b"get "):
                self._transport.write(NOT_FOUND)
            else:
                now_s = time.monotonic() - self._origin_s
                loop = asyncio.get_running_loop()
                wait_s = done_at(now_s) - now_s
                loop.call_later(wait_s, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():  # who asked may have left meanwhile
            self._transport.write(ANSWER)


async def _serve(port: int) -> None:
    origin_s = time.monotonic()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Protocol(origin_s), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
