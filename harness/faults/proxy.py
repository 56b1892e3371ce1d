"""
The TCP fault proxy: one listening socket, and one relay per connection.

It runs between harness and target in its own process and passes bytes through unchanged, TLS
included. Faults are injected by probability, by time window, or into every n-th request.
"""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import urlsplit

from harness.addresses import bind_socket, format_address
from harness.clock import unix_ns
from harness.errors import UsageError
from harness.faults.event_log import EventLog
from harness.faults.relay import Relay
from harness.faults.schedule import FaultSchedule
from harness.faults.spec import NetworkFault
from harness.units import NS_PER_S

_BACKLOG = 1024


class Proxy:
    """Listens on an address, of which port 0 is a free one, and relays to one target."""

    def __init__(
        self,
        upstream: str,
        *,
        schedule: FaultSchedule,
        event_log: EventLog,
        listen: tuple[str, int],
    ) -> None:
        self._scheme, self._target = split_upstream(upstream)
        self._schedule = schedule
        self._event_log = event_log
        # Bound but never listening: it reserves the port while connections are refused.
        self._port_holder = bind_socket(*listen)
        self._address: tuple[str, int] = self._port_holder.getsockname()[:2]
        self._server: asyncio.Server | None = None
        self._relays: dict[Relay, asyncio.Task[None]] = {}
        self._connections = 0
        self._refusals = 0
        self._windows: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        """Base URL of the proxy: the target's scheme, the proxy's address."""
        return f"{self._scheme}://{format_address(*self._address)}"

    async def open(self) -> None:
        """Start to listen."""
        listener = bind_socket(*self._address)
        self._server = await asyncio.start_server(
            self._serve, sock=listener, backlog=_BACKLOG, limit=256 * 1024
        )

    def begin(self, begun_ns: int) -> None:
        """Take the start signal: windows count from `begun_ns` (Unix ns)."""
        if self._schedule.begun_ns is not None:
            return
        self._schedule.begin(begun_ns)
        self._windows = [
            asyncio.create_task(self._keep_window(number, spec, begun_ns))
            for number, spec in enumerate(self._schedule.specs)
        ]

    async def close(self) -> None:
        """End windows and connections, and close the socket."""
        for window in self._windows:
            window.cancel()
        await asyncio.gather(*self._windows, return_exceptions=True)
        await self._stop_listening()
        tasks = list(self._relays.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._port_holder.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        relay = Relay(
            reader, writer, target=self._target, schedule=self._schedule, number=self._connections
        )
        task = asyncio.current_task()
        assert task is not None
        self._relays[relay] = task
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await relay.run()
        finally:
            del self._relays[relay]

    async def _keep_window(self, number: int, spec: NetworkFault, begun_ns: int) -> None:
        await _sleep_until(begun_ns + spec.from_ns)
        settings = {key: value for key, value in spec.to_table().items() if key != "kind"}
        event = {"fault": spec.kind, "number": number}
        self._event_log.append("fault", {**event, "edge": "start", **settings})
        refuses = spec.kind == "refuse" and spec.is_total
        try:
            if refuses:
                await self._refuse()
            await _sleep_until(
                None if spec.for_ns is None else begun_ns + spec.from_ns + spec.for_ns
            )
            if refuses:
                await self._accept()
        finally:
            self._event_log.append("fault", {**event, "edge": "end", **settings})

    async def _refuse(self) -> None:
        """Close the socket and idle connections; busy connections may finish."""
        self._refusals += 1
        if self._refusals == 1:
            await self._stop_listening()
        for relay in list(self._relays):
            if relay.is_idle:
                relay.cut(reset=True)

    async def _accept(self) -> None:
        self._refusals -= 1
        if self._refusals == 0:
            await self.open()

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            await asyncio.sleep(0)


def split_upstream(upstream: str) -> tuple[str, tuple[str, int]]:
    """
    The scheme and address of a base URL.

    Raises:
        UsageError: It is not an http or https URL with a host.
    """
    parts = urlsplit(upstream)
    try:
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        port = 0
    if parts.scheme not in ("http", "https") or not parts.hostname or not port:
        raise UsageError(
            f"upstream {upstream!r} is not an http or https URL; write http://127.0.0.1:8787"
        )
    return parts.scheme, (parts.hostname, port)


async def _sleep_until(deadline_ns: int | None) -> None:
    if deadline_ns is None:
        await asyncio.Event().wait()
    else:
        await asyncio.sleep(max(0, deadline_ns - unix_ns()) / NS_PER_S)
