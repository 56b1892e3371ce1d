"""A WebSocket to a browser's DevTools endpoint."""

from __future__ import annotations

import json

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

MESSAGE_MAX = 64 << 20
"""Largest message of a browser (a screenshot, a document), in bytes."""
_TIMEOUT_S = 10.0
_FAREWELL_S = 1.0


class CdpConnectionError(Exception):
    """The browser does not answer, or no longer."""


class CdpClient:
    """One open connection to a browser."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @classmethod
    async def connect(cls, endpoint: tuple[str, int, str]) -> CdpClient:
        """
        Connect to a browser.

        Raises:
            CdpConnectionError: It cannot be reached, or refuses.
        """
        host, port, path = endpoint
        try:
            connection = await connect(
                f"ws://{host}:{port}{path}",
                compression=None,
                proxy=None,
                max_size=MESSAGE_MAX,
                open_timeout=_TIMEOUT_S,
                ping_interval=None,
                close_timeout=_FAREWELL_S,
            )
        except (OSError, WebSocketException) as error:
            raise CdpConnectionError(f"the browser cannot be reached: {error}") from None
        return cls(connection)

    async def send(self, text: str) -> None:
        """
        Send one message.

        Raises:
            CdpConnectionError: The browser is gone.
        """
        try:
            await self._connection.send(text)
        except WebSocketException as error:
            raise CdpConnectionError(f"the browser is gone: {error}") from None

    async def receive(self) -> str:
        """
        The message that comes next.

        Raises:
            CdpConnectionError: The browser is gone.
        """
        try:
            return await self._connection.recv(decode=True)
        except (WebSocketException, UnicodeDecodeError) as error:
            raise CdpConnectionError(f"the browser is gone: {error}") from None

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()


def replace_lone_surrogates(text: str) -> bytes:
    """
    A message with its half characters replaced: JSON can spell them, UTF-8 cannot.

    A text of JavaScript's may hold some, and a browser tells it as it is.

    Raises:
        ValueError: It is no JSON.
    """
    return json.dumps(json.loads(text), ensure_ascii=False).encode(errors="replace")
