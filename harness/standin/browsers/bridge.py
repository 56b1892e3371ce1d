"""
Relays the CDP socket of a session to its browser.

Each client has its own connection to the browser, so that the ids and attached sessions of two
clients do not collide. Latency and failures apply as with the synthetic browser. Frames are
forwarded unchanged.
"""

from __future__ import annotations

import msgspec

from harness.standin.api import Api
from harness.standin.browsers.cdp_client import (
    CdpClient,
    CdpConnectionError,
    replace_lone_surrogates,
)
from harness.standin.sockets.cdp import CommandSocket
from harness.standin.sockets.channel import LOST, NORMAL, Channel
from harness.standin.sockets.commands import Command
from harness.standin.sockets.frames import encode

IN_FLIGHT_MAX = 4096
"""Most unanswered commands of one socket."""


class _Head(msgspec.Struct):
    """What distinguishes a response from an event."""

    id: int | None = None
    error: msgspec.Raw | None = None


_read_head = msgspec.json.Decoder(_Head).decode


class BridgedSocket(CommandSocket):
    """A CDP socket over a real browser."""

    def __init__(self, api: Api, channel: Channel, cdp_client: CdpClient) -> None:
        super().__init__(api, channel)
        self._cdp_client = cdp_client
        self._waiting: dict[int, list[object]] = {}  # a client may repeat a number
        channel.spawn(self._pump())

    async def handle(self, key: object, command: Command, frame: bytes | str) -> None:
        """Forward a command unchanged."""
        channel = self._channel
        if command.method == "Browser.close":  # the browser belongs to the session
            await channel.answer(key, "", encode({"id": command.id, "result": {}}))
            await channel.close(NORMAL, "CLOUD_SESSION_CLOSED")
        elif len(channel.in_flight) > IN_FLIGHT_MAX:
            await self.fail(key, command, "CLOUD_RATE_LIMITED")
        else:
            await self._api.wait_for_stall_end()
            self._waiting.setdefault(command.id, []).append(key)
            await self._forward(frame)

    async def _forward(self, frame: bytes | str) -> None:
        text = frame if isinstance(frame, str) else frame.decode()
        try:
            await self._cdp_client.send(text)
        except CdpConnectionError:
            await self._channel.close(LOST, "CLOUD_CONNECTION_LOST")

    async def _pump(self) -> None:
        channel = self._channel
        try:
            while True:
                await self._relay_message(await self._cdp_client.receive())
        except (CdpConnectionError, ValueError, RecursionError):
            await channel.close(LOST, "CLOUD_CONNECTION_LOST")
        finally:
            await self._cdp_client.close()

    async def _relay_message(self, text: str) -> None:
        try:
            head = _read_head(text)
        except msgspec.DecodeError:
            head = _read_head(replace_lone_surrogates(text))
        frame = text.encode()
        key = self._take_key(head.id)
        if key is None:
            await self._channel.send(frame)
        else:
            failed = "" if head.error is None else "CLOUD_ACTION_FAILED"
            await self._channel.answer(key, failed, frame)

    def _take_key(self, number: int | None) -> object | None:
        """The key of the oldest command with this number; None for an event."""
        keys = self._waiting.get(number) if number is not None else None
        if not keys or number is None:
            return None
        if len(keys) == 1:
            del self._waiting[number]
        return keys.pop(0)
