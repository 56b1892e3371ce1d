"""
One open socket: its requests in flight, and how it ends.

If the server closes it, each request in flight is counted under the code of the close, which is
what its sender sees.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from harness.clock import unix_ns
from harness.standin.asgi import Send
from harness.standin.sessions import Session
from harness.units import NS_PER_S

NORMAL = 1000
LOST = 1011
"""The close that stands for CLOUD_CONNECTION_LOST."""


class Channel:
    """One open socket."""

    def __init__(self, session: Session, send: Send, count: Callable[[str, str], None]) -> None:
        self.session = session
        self.in_flight: dict[object, str] = {}  # key of an unanswered request → operation
        self.closed = False  # by the server
        self.ended = asyncio.Event()  # closed by either side
        self._send = send
        self._count = count
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(self, key: object, code: str, frame: bytes) -> None:
        """Answer a request, unless the socket has ended."""
        operation = self.in_flight.pop(key, None)
        if operation is not None and not self.closed:
            self._count(operation, code)
            await self.send(frame)

    async def send(self, frame: bytes) -> None:
        """Send one text frame; ignored if the client has disconnected."""
        try:
            await self._send({"type": "websocket.send", "text": frame.decode()})
        except OSError:  # uvicorn's ClientDisconnected
            self.ended.set()

    async def close(self, status: int, code: str) -> None:
        """Close it, and count requests in flight under the code; a second call does nothing."""
        if self.closed:
            return
        self.closed = True
        for operation in self.in_flight.values():
            self._count(operation, code)
        self.in_flight.clear()
        try:
            await self._send({"type": "websocket.close", "code": status, "reason": code})
        except OSError:
            pass
        finally:
            self.ended.set()

    def spawn(self, work: Awaitable[None]) -> None:
        """Start a task that ends with the socket."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def expire(self, expires_ns: int, code: str) -> None:
        """Close it when its session expires."""
        await asyncio.sleep(max(0.0, (expires_ns - unix_ns()) / NS_PER_S))
        await self.close(NORMAL, code)

    async def end(self) -> None:
        """Cancel the socket's tasks."""
        self.ended.set()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
