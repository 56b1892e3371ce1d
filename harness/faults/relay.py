"""
One connection through the proxy: two pumps, and the faults between them.

::

    client ──► requests pump  ──► target      before_request, pace_request, after_request
    client ◄── responses pump ◄── target      filter_response, pace_response

Plain HTTP/1.1 is followed request by request. TLS, or a stream that is not HTTP, is one exchange
for the entire connection. When a fault cuts the client off, the target's side stays open until
it has answered what was forwarded: the target must be able to finish its work.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from dataclasses import dataclass, field

from harness.faults.framing import FramingError, MessageScanner, Segment
from harness.faults.kinds import Fault
from harness.faults.schedule import FaultSchedule
from harness.faults.tls import TlsRecordScanner, looks_like_tls

READ_BYTES = 64 * 1024
DRAIN_S = 30.0
"""Time for the target to answer a client that was cut off or has disconnected."""
_QUIET_S = 0.25
"""An opaque response has ended when it pauses for this long."""
_LINE_BYTES_MAX = 200
_RESET = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Exchange:
    """One request and its response."""

    method: str  # the request's method; "" if opaque
    faults: tuple[Fault, ...] = ()
    piece_bytes: int = 0  # the smallest piece that its faults ask for; 0 for no limit
    response_faults_apply: bool = True  # False on TLS before the first request
    quiet: asyncio.TimerHandle | None = field(default=None, repr=False)


class Relay:
    """Serves one accepted connection; connects to `target` at the first forwarded byte."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        target: tuple[str, int],
        schedule: FaultSchedule,
        number: int,
    ) -> None:
        self._client_reader, self._client = reader, writer
        self._target_address = target
        self._target: asyncio.StreamWriter | None = None
        self._schedule = schedule
        self._number = number
        self._requests_seen = 0
        self._pending: deque[Exchange] = deque()
        self._current = Exchange("")
        self._scanner = MessageScanner()
        self._records: TlsRecordScanner | None = None
        self._opaque: Exchange | None = None
        self._response_pump: asyncio.Task[None] | None = None
        self._is_cut = False

    async def run(self) -> None:
        """Relay until one side ends; network errors do not raise."""
        try:
            await self._pump_requests()
            if self._response_pump is not None:
                # The client has ended its side, or was cut off. The target gets time to answer,
                # but one that hangs must not keep the connection forever.
                await asyncio.wait_for(asyncio.shield(self._response_pump), DRAIN_S)
        except (OSError, TimeoutError):
            self.cut(reset=True)
        finally:
            await self._close()

    def cut(self, *, reset: bool) -> None:
        """End the client's side by RST or FIN; the target's side goes on."""
        if self._is_cut:
            return
        self._is_cut = True
        if reset:
            raw = self._client.get_extra_info("socket")
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._client.transport.abort()
        else:
            self._client.close()

    async def discard_input(self) -> None:
        """Discard what the client sends until it disconnects; then end."""
        while await self._client_reader.read(READ_BYTES):
            pass
        self.cut(reset=False)

    @property
    def is_idle(self) -> bool:
        """Whether no request is in progress."""
        return not self._pending and self._opaque is None

    async def _pump_requests(self) -> None:
        for fault in self._schedule.next_faults("accept", self._number, 0):
            await fault.before_request(self)
        while not self._is_cut and (data := await self._client_reader.read(READ_BYTES)):
            if self._is_cut:  # meanwhile; what was just read is not forwarded
                break
            if self._requests_seen == 0 and self._opaque is None and looks_like_tls(data):
                self._records = TlsRecordScanner()
                await self._begin_opaque()
            if self._opaque is not None:
                await self._forward_opaque(data)
            else:
                await self._forward_http(data)
        if self._target is not None and not self._is_cut and self._target.can_write_eof():
            self._target.write_eof()

    async def _forward_http(self, data: bytes) -> None:
        try:
            for segment in self._scanner.feed(data):
                await self._forward_request(segment)
                if self._is_cut:
                    return
        except FramingError as error:
            await self._begin_opaque()
            await self._forward_opaque(error.held)

    async def _forward_request(self, segment: Segment) -> None:
        if segment.first:
            exchange = self._begin_exchange(segment.method, _request_label(segment.data))
            for fault in exchange.faults:
                await fault.before_request(self)
                if self._is_cut:
                    return
            self._pending.append(exchange)
            self._current = exchange
        exchange = self._current
        await self._send_target(segment.data, exchange)
        if segment.last:
            for fault in exchange.faults:
                fault.after_request(self)

    def _begin_exchange(self, method: str, what: str = "") -> Exchange:
        self._requests_seen += 1
        faults = self._schedule.next_faults("request", self._number, self._requests_seen, what)
        pieces = [fault.piece_bytes for fault in faults if fault.piece_bytes]
        return Exchange(method, faults, min(pieces, default=0))

    async def _begin_opaque(self) -> None:
        """Treat the entire connection as one exchange from now on."""
        self._opaque = exchange = self._pending[0] if self._pending else self._begin_exchange("")
        exchange.response_faults_apply = self._records is None
        if exchange.method:
            return
        for fault in exchange.faults:
            await fault.before_request(self)

    async def _forward_opaque(self, data: bytes) -> None:
        exchange = self._opaque
        if self._is_cut or not data or exchange is None:
            return
        await self._send_target(data, exchange)
        if self._records is not None and self._records.feed(data):
            exchange.response_faults_apply = True

    async def _send_target(self, data: bytes, exchange: Exchange) -> None:
        target = self._target or await self._connect()
        size = exchange.piece_bytes or len(data)
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            for fault in exchange.faults:
                await fault.pace_request(len(piece))
            target.write(piece)
        await target.drain()

    async def _connect(self) -> asyncio.StreamWriter:
        reader, self._target = await asyncio.open_connection(*self._target_address)
        self._response_pump = asyncio.create_task(self._pump_responses(reader))
        return self._target

    async def _pump_responses(self, reader: asyncio.StreamReader) -> None:
        scanner = MessageScanner(lambda: self._pending[0].method if self._pending else "")
        try:
            while data := await reader.read(READ_BYTES):
                if self._opaque is not None:
                    await self._forward_opaque_response(data, self._opaque)
                else:
                    for segment in scanner.feed(data):
                        await self._forward_response(segment)
                    if scanner.switched:
                        self._opaque = self._pending[0] if self._pending else Exchange("")
                if self._is_cut and self.is_idle:
                    return
        except FramingError as error:
            self._opaque = self._opaque or Exchange("")
            await self._send_client(error.held, Exchange(""))
            while data := await reader.read(READ_BYTES):
                await self._send_client(data, Exchange(""))
        except OSError:
            self.cut(reset=True)
        finally:
            # The target has ended its side, or no response is outstanding.
            self.cut(reset=False)

    async def _forward_response(self, segment: Segment) -> None:
        exchange = self._pending[0] if self._pending else Exchange("")
        data = segment.data
        for fault in exchange.faults:
            data = fault.filter_response(data, self, last=segment.last) if data else data
        await self._send_client(data, exchange)
        for fault in exchange.faults:
            fault.after_piece(self)
        if segment.last and self._pending:
            self._pending.popleft()

    async def _forward_opaque_response(self, data: bytes, exchange: Exchange) -> None:
        if not exchange.response_faults_apply:
            await self._send_client(data, Exchange(""))
            return
        for fault in exchange.faults:
            fault.after_request(self)
            data = fault.filter_response(data, self, last=False) if data else data
        await self._send_client(data, exchange)
        for fault in exchange.faults:
            fault.after_piece(self)
        if any(fault.closes_connection for fault in exchange.faults):
            self._await_quiet(exchange)

    def _await_quiet(self, exchange: Exchange) -> None:
        if exchange.quiet is not None:
            exchange.quiet.cancel()
        loop = asyncio.get_running_loop()
        exchange.quiet = loop.call_later(_QUIET_S, lambda: self.cut(reset=False))

    async def _send_client(self, data: bytes, exchange: Exchange) -> None:
        size = exchange.piece_bytes or len(data) or 1
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            for fault in exchange.faults:
                await fault.pace_response(len(piece))
            if self._client.is_closing():
                return
            self._client.write(piece)
        if data and not self._client.is_closing():
            await self._client.drain()

    async def _close(self) -> None:
        self._schedule.forget_connection(self._number)
        if self._opaque is not None and self._opaque.quiet is not None:
            self._opaque.quiet.cancel()
        if self._response_pump is not None:
            self._response_pump.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await self._response_pump
        for writer in (self._client, self._target):
            if writer is not None:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()


def _request_label(head: bytes) -> str:
    """Method and path of a request, bounded, without the query."""
    line = head[:_LINE_BYTES_MAX].partition(b" HTTP/")[0]
    return line.partition(b"?")[0].decode("latin-1")
