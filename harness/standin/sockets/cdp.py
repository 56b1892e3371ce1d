"""
The CDP socket: commands one after the other, over a synthetic or a real browser.

A command has a latency (the setting ``cdp``) and may fail: the socket is closed with 1011, or it
gets a DevTools error that names the code.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from harness.standin.api import Api
from harness.standin.codes import code_name
from harness.standin.sockets.channel import LOST, NORMAL, Channel
from harness.standin.sockets.commands import CdpError, Command, read_command
from harness.standin.sockets.devtools import COUNTED_COMMANDS, DevTools
from harness.standin.sockets.frames import encode
from harness.standin.sockets.names import CDP


class CommandSocket(ABC):
    """Serves the frames of one open CDP socket."""

    def __init__(self, api: Api, channel: Channel) -> None:
        self._api = api
        self._channel = channel

    @abstractmethod
    async def handle(self, key: object, command: Command, frame: bytes | str) -> None:
        """Execute a command that is in flight under ``key``."""

    async def handle_frame(self, frame: bytes | str) -> None:
        """Read one frame, wait its latency, inject a failure, or handle it."""
        api, channel = self._api, self._channel
        key = object()
        channel.in_flight[key] = CDP
        try:
            command = read_command(frame)
        except CdpError as error:
            await channel.answer(key, "CLOUD_CONFIG_INVALID", encode({"error": error.payload()}))
            return
        if command.method in COUNTED_COMMANDS:
            channel.in_flight[key] = f"{CDP}.{command.method}"
        await api.simulate_latency(CDP)
        settings = api.state.settings
        code = settings.draw_failure(CDP, api.state.rng.failures)
        if code == "CLOUD_CONNECTION_LOST":
            await channel.close(LOST, code)
        elif code:
            await self.fail(key, command, code_name(settings.config.vocabulary, code))
        else:
            await self.handle(key, command, frame)

    async def fail(self, key: object, command: Command, name: str) -> None:
        """Answer with a DevTools error that names a code."""
        error = CdpError(name).payload()
        payload = encode({"id": command.id, "error": error, **command.place})
        await self._channel.answer(key, name, payload)


class CdpSocket(CommandSocket):
    """A CDP socket over the synthetic browser."""

    def __init__(self, api: Api, channel: Channel) -> None:
        super().__init__(api, channel)
        self._tools = DevTools(chrome_page_first=api.state.settings.config.chrome_page_first)

    async def handle(self, key: object, command: Command, frame: bytes | str) -> None:  # noqa: ARG002  unused
        """Send a command's response, and the events it causes."""
        channel = self._channel
        await self._api.wait_for_stall_end()
        for message in self._tools.handle(command):
            if message.get("id") == command.id:
                failed = "CLOUD_ACTION_FAILED" if "error" in message else ""
                await channel.answer(key, failed, encode(message))
            else:
                await channel.send(encode(message))
        if self._tools.closed:
            await channel.close(NORMAL, "CLOUD_SESSION_CLOSED")
