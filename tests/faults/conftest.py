"""A small counting server, and a proxy before it, on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest

from harness.faults.event_log import EventLog
from harness.faults.proxy import Proxy
from harness.faults.schedule import FaultSchedule
from harness.faults.spec import parse_fault


class CountingServer:
    """Answers every request, and keeps the complete ones."""

    def __init__(self):
        self.requests = []
        self.answered = 0
        self.after = b""
        """Sent a moment after each response."""

    async def serve(self, reader, writer):
        """One connection, until the client leaves."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(head.lower().partition("content-length:")[2].split("\r")[0] or 0)
                body = await reader.readexactly(length)
                self.requests.append((head.split(" ")[1], body))
                answer = b"n" * 20
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n" + answer)
                await writer.drain()
                self.answered += 1
                if self.after:
                    await asyncio.sleep(0.05)
                    writer.write(self.after)
        writer.close()


class Stage:
    """The server, the proxy, and requests through it."""

    def __init__(self, server, proxy, events_path):
        self.server, self.proxy, self._events_path = server, proxy, events_path
        self._links = []

    @property
    def address(self):
        """Where the proxy listens."""
        host, _, port = self.proxy.url.rpartition("/")[2].rpartition(":")
        return host, int(port)

    async def connect(self):
        """A connection that the stage closes at its end."""
        self._links.append(await asyncio.open_connection(*self.address))
        return self._links[-1]

    def leave(self):
        """Close what the test left open."""
        for _, writer in self._links:
            writer.close()

    async def exchange(self, link, path="/x", body=b"hello", timeout_s=5.0):
        """The response's bytes, until it is complete or the connection ends."""
        reader, writer = link
        writer.write(
            f"POST {path} HTTP/1.1\r\nhost: h\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        async with asyncio.timeout(timeout_s):
            try:
                return await reader.readexactly(len(ANSWER))
            except asyncio.IncompleteReadError as error:
                return error.partial

    async def once(self, path="/x", **options):
        """One request on a connection of its own; ``reset`` or ``refused`` in words."""
        try:
            link = await self.connect()
        except ConnectionRefusedError:
            return "refused"
        try:
            return await self.exchange(link, path, **options)
        except ConnectionResetError:
            return "reset"
        except TimeoutError:
            return "silence"
        finally:
            link[1].close()

    async def until(self, holds, within_s=10.0):
        """Wait until a condition is true."""
        async with asyncio.timeout(within_s):
            while not holds():  # noqa: ASYNC110  it has no event
                await asyncio.sleep(0.01)

    def events(self):
        """The proxy's events."""
        text = self._events_path.read_text() if self._events_path.exists() else ""
        return [json.loads(line) for line in text.splitlines()]


ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n" + b"n" * 20


@pytest.fixture
def stage(tmp_path):
    """Builds a proxy with the given faults, its windows begun, before a counting server."""

    @contextlib.asynccontextmanager
    async def build(*texts, seed=1, begin_ns=None, tls=None, now_ns=None):
        from harness.clock import unix_ns

        server = CountingServer()
        listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
        port = listener.sockets[0].getsockname()[1]
        events_path = tmp_path / "events.jsonl"
        event_log = EventLog(str(events_path), "fault-proxy")
        clock = {} if now_ns is None else {"now_ns": now_ns}
        schedule = FaultSchedule(map(parse_fault, texts), seed=seed, event_log=event_log, **clock)
        scheme = "https" if tls else "http"
        proxy = Proxy(
            f"{scheme}://127.0.0.1:{port}",
            schedule=schedule,
            event_log=event_log,
            listen=("127.0.0.1", 0),
        )
        await proxy.open()
        proxy.begin(unix_ns() if begin_ns is None else begin_ns)
        await asyncio.sleep(0.01)
        played = Stage(server, proxy, events_path)
        try:
            yield played
        finally:
            played.leave()
            await asyncio.sleep(0.01)
            await proxy.close()
            listener.close()
            event_log.close()

    return build
