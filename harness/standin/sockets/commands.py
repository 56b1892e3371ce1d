"""Commands of the DevTools protocol: what comes in, and how it is refused."""

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
        """What an answer to it says of where it belongs."""
        return {"sessionId": self.sessionId} if self.sessionId else {}


class CdpError(Exception):
    """
    A command that is refused.

    Attributes:
        code: The protocol's (JSON-RPC's) error code.
    """

    def __init__(self, message: str, code: int = -32000) -> None:
        super().__init__(message)
        self.code = code

    def payload(self) -> Message:
        """The error as an answer tells it."""
        return {"code": self.code, "message": str(self)}


_command = msgspec.json.Decoder(Command).decode


def read_command(frame: bytes | str) -> Command:
    """
    Read one command.

    Raises:
        CdpError: It is none.
    """
    try:
        return _command(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise CdpError(f"no command: {error}", -32600) from None


def event(method: str, session: str = "", **params: Any) -> Message:
    """An event, of the browser or of one flattened session."""
    payload: Message = {"method": method, "params": params}
    return payload | {"sessionId": session} if session else payload
