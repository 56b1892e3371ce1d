"""ASGI's types, and reading a request's body within a bound."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class TooLargeError(Exception):
    """The request's body is too large."""


class DisconnectedError(Exception):
    """The client disconnected before its request was complete."""


async def read_body(receive: Receive, bytes_max: int) -> bytes:
    """
    The request's body.

    Raises:
        TooLargeError: It is larger than `bytes_max`.
        DisconnectedError: The client disconnected before its end.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        body += message.get("body", b"")
        if len(body) > bytes_max:
            raise TooLargeError
        if not message.get("more_body", False):
            return bytes(body)
