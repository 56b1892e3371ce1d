"""
The CDP socket over the synthetic browser: commands one after the other.

A command takes its time (the setting ``cdp``) and may fail as it is told to: lost
(closed with 1011), or with a DevTools error that names the code.
"""

from __future__ import annotations

from harness.standin.codes import name_in
from harness.standin.sockets.action import Timing
from harness.standin.sockets.channel import LOST, NORMAL, Channel
from harness.standin.sockets.devtools import COUNTED, CdpError, DevTools, read_command
from harness.standin.sockets.frames import encode
from harness.standin.sockets.names import CDP


class CdpSocket:
    """Serves the frames of one open CDP socket."""

    def __init__(self, api: Timing, channel: Channel) -> None:
        self._api = api
        self._channel = channel
        first = api.state.settings.config.chrome_page_first
        self._tools = DevTools(chrome_page_first=first)

    async def take(self, frame: bytes | str) -> None:
        """Take in one frame, answer it, and tell what it caused."""
        api, channel = self._api, self._channel
        key = object()
        channel.in_flight[key] = CDP
        try:
            command = read_command(frame)
        except CdpError as error:
            said = {"error": {"code": error.code, "message": str(error)}}
            await channel.answer(key, "CLOUD_CONFIG_INVALID", encode(said))
            return
        if command.method in COUNTED:
            channel.in_flight[key] = f"{CDP}.{command.method}"
        await api.take_time(CDP)
        settings = api.state.settings
        code = settings.draw_failure(CDP, api.state.dice.failures)
        if code == "CLOUD_CONNECTION_LOST":
            await channel.close(LOST, code)
            return
        name = name_in(settings.config.vocabulary, code) if code else ""
        if code:
            place = {"sessionId": command.sessionId} if command.sessionId else {}
            told = {"id": command.id, "error": {"code": -32000, "message": name}} | place
            await channel.answer(key, name, encode(told))
            return
        await api.wait_out_stall()
        for message in self._tools.handle(command):
            if message.get("id") == command.id:
                failed = "CLOUD_ACTION_FAILED" if "error" in message else ""
                await channel.answer(key, failed, encode(message))
            else:
                await channel.tell(encode(message))
        if self._tools.closed:
            await channel.close(NORMAL, "CLOUD_SESSION_CLOSED")
