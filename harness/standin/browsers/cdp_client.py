"""A WebSocket to a browser's DevTools endpoint: a client over wsproto and asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import json

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import ProtocolError

_READ = 1 << 16
MESSAGE_MAX = 64 << 20
"""Largest message of a browser (a screenshot, a document), in characters."""


class CdpConnectionError(Exception):
    """The browser does not answer, or no longer."""


class CdpClient:
    """One open connection to a browser."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, endpoint: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._socket = WSConnection(ConnectionType.CLIENT)
        self._parts: list[str] = []
        self._size = 0
        host, _, target = endpoint.partition("/")
        writer.write(self._socket.send(Request(host=host, target="/" + target)))

    @classmethod
    async def connect(cls, endpoint: tuple[str, int, str]) -> CdpClient:
        """
        Connect to a browser.

        Raises:
            WireError: It cannot be reached, or refuses.
        """
        host, port, path = endpoint
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except OSError as error:
            raise CdpConnectionError(f"the browser cannot be reached: {error}") from None
        cdp_client = cls(reader, writer, f"{host}:{port}{path}")
        try:
            await cdp_client._upgrade()
        except BaseException:
            await cdp_client.close()
            raise
        return cdp_client

    async def _upgrade(self) -> None:
        while True:
            await self._feed()
            for event in self._socket.events():
                if isinstance(event, AcceptConnection):
                    return
                if isinstance(event, RejectConnection):
                    raise CdpConnectionError(f"the browser refuses: {event.status_code}")

    async def send(self, text: str) -> None:
        """
        Send one message.

        Raises:
            WireError: The browser is gone.
        """
        try:
            self._writer.write(self._socket.send(TextMessage(data=text)))
            await self._writer.drain()
        except (OSError, ProtocolError) as error:
            raise CdpConnectionError(f"the browser is gone: {error}") from None

    async def receive(self) -> list[str]:
        """
        The messages that come next, one at least.

        Raises:
            WireError: The browser is gone.
        """
        while True:
            await self._feed()
            messages = [text for event in self._socket.events() if (text := self._take(event))]
            if messages:
                return messages

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _feed(self) -> None:
        try:
            data = await self._reader.read(_READ)
            if not data:
                raise CdpConnectionError("the browser has closed the connection")
            self._socket.receive_data(data)
        except (OSError, ProtocolError) as error:
            raise CdpConnectionError(f"the browser is gone: {error}") from None

    def _take(self, event: object) -> str:
        if isinstance(event, TextMessage):
            self._parts.append(event.data)
            self._size += len(event.data)
            if self._size > MESSAGE_MAX:
                raise CdpConnectionError("a message of the browser is too large")
            if event.message_finished:
                text = "".join(self._parts)
                self._parts, self._size = [], 0
                return text
        elif isinstance(event, Ping):
            self._writer.write(self._socket.send(event.response()))
        elif isinstance(event, BytesMessage | CloseConnection):
            raise CdpConnectionError("the browser has closed the connection")
        return ""


def replace_lone_surrogates(text: str) -> bytes:
    """
    A message with its half characters replaced: JSON can spell them, UTF-8 cannot.

    A text of JavaScript's may hold some, and a browser tells it as it is.

    Raises:
        ValueError: It is no JSON.
    """
    return json.dumps(json.loads(text), ensure_ascii=False).encode(errors="replace")
