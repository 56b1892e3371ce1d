"""Commands of the DevTools protocol: how they are read and refused."""

from __future__ import annotations

from typing import Any

import msgspec

Message = dict[str, Any]
CommandResult = tuple[Message, list[Message], list[Message]]
"""A command's result, and the events before and after its answer."""


class Command(msgspec.Struct):
    """One command of a client."""

    id: int
    method: str
    params: dict[str, Any] = {}
    sessionId: str = ""  # noqa: N815  the protocol's names

    @property
    def place(self) -> Message:
        """The session members of its response."""
        return {"sessionId": self.sessionId} if self.sessionId else {}


class CdpError(Exception):
    """A refused command."""

    def __init__(self, message: str, code: int = -32000) -> None:
        super().__init__(message)
        self.code = code  # the JSON-RPC error code

    def payload(self) -> Message:
        """The error member of the response."""
        return {"code": self.code, "message": str(self)}


_command = msgspec.json.Decoder(Command).decode


def read_command(frame: bytes | str) -> Command:
    """
    Read one command.

    Raises:
        CdpError: The frame is not a command.
    """
    try:
        return _command(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise CdpError(f"no command: {error}", -32600) from None


def event(method: str, session: str = "", **params: Any) -> Message:
    """An event, of the browser or of one flattened session."""
    payload: Message = {"method": method, "params": params}
    return payload | {"sessionId": session} if session else payload
