"""A WebSocket to a browser's DevTools endpoint."""

from __future__ import annotations

import json

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

MESSAGE_MAX = 64 << 20
"""Largest message of a browser (a screenshot, a document), in bytes."""
_TIMEOUT_S = 10.0
_CLOSE_TIMEOUT_S = 1.0


class CdpConnectionError(Exception):
    """The browser does not respond."""


class CdpClient:
    """One open connection to a browser; its methods raise `CdpConnectionError`."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @classmethod
    async def connect(cls, endpoint: tuple[str, int, str]) -> CdpClient:
        """Connect to a browser."""
        host, port, path = endpoint
        try:
            connection = await connect(
                f"ws://{host}:{port}{path}", compression=None, proxy=None, max_size=MESSAGE_MAX,
                open_timeout=_TIMEOUT_S, ping_interval=None, close_timeout=_CLOSE_TIMEOUT_S,
            )  # fmt: skip
        except (OSError, WebSocketException) as error:
            raise CdpConnectionError(f"the browser cannot be reached: {error}") from None
        return cls(connection)

    async def send(self, text: str) -> None:
        """Send one message."""
        try:
            await self._connection.send(text)
        except WebSocketException as error:
            raise CdpConnectionError(f"the browser is gone: {error}") from None

    async def receive(self) -> str:
        """The next message."""
        try:
            return await self._connection.recv(decode=True)
        except (WebSocketException, UnicodeDecodeError) as error:
            raise CdpConnectionError(f"the browser is gone: {error}") from None

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()


def replace_lone_surrogates(text: str) -> bytes:
    """
    Replace lone surrogates of a message, which JavaScript and JSON allow and UTF-8 does not.

    Raises:
        ValueError: It is not JSON.
    """
    return json.dumps(json.loads(text), ensure_ascii=False).encode(errors="replace")
