"""A client of the sockets that is not ours: websocket-client."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import websocket

from tests.standin.conftest import ApiClient

TIMEOUT_S = 15


class Peer:
    """One open socket of one session."""

    def __init__(self, created: dict[str, Any], kind: str, token: str | None = None) -> None:
        self.session_id = created["sessionId"]
        self.token = created[f"{kind}Token"] if token is None else token
        url = f"{created[f'{kind}WsUrl']}?token={quote(self.token)}"
        place = urlsplit(url)
        wire = socket.create_connection((place.hostname, place.port), TIMEOUT_S)
        try:
            self.socket = websocket.create_connection(url, timeout=TIMEOUT_S, socket=wire)
        except BaseException:
            wire.close()  # websocket-client leaves it open when the upgrade is refused
            raise
        self.number = 0

    def send(self, method: str, args: Any = None, **changes: Any) -> int:
        """Ask for an action; returns its id."""
        self.number += 1
        asked = {
            "id": self.number, "method": method, "args": args or {},
            "sessionId": self.session_id, "token": self.token,
        }  # fmt: skip
        self.socket.send(json.dumps(asked | changes))
        return self.number

    def ask(self, method: str, args: Any = None, **changes: Any) -> dict[str, Any]:
        """Ask for an action and hear its answer."""
        self.send(method, args, **changes)
        return self.hear()

    def hear(self) -> dict[str, Any]:
        """The next frame."""
        return json.loads(self.socket.recv())

    def closing(self) -> tuple[int, str]:
        """Status and reason of the close that comes next."""
        opcode, data = self.socket.recv_data(control_frame=True)
        self.socket.shutdown()
        assert opcode == websocket.ABNF.OPCODE_CLOSE, (opcode, data)
        return int.from_bytes(data[:2], "big"), data[2:].decode()


@pytest.fixture
def dial() -> Iterator[Callable[..., Peer]]:
    """Opens sockets; closes all of them afterwards."""
    with ExitStack() as stack:

        def connect(created: Any, kind: str = "action", token: str | None = None) -> Peer:
            made = created if isinstance(created, dict) else created.json()
            peer = Peer(made, kind, token)
            stack.callback(_leave, peer)
            return peer

        yield connect


def _leave(peer: Peer) -> None:
    with suppress(OSError, websocket.WebSocketException):
        peer.socket.close()


def refusal(call: Callable[[], Any]) -> tuple[int, str]:
    """Status and code of an upgrade that is refused."""
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        call()
    return caught.value.status_code, json.loads(caught.value.resp_body).get("code", "")


def by_code(client: ApiClient, operation: str) -> dict[str, int]:
    """What the stand-in counted for an operation."""
    return client.standin.truth()["requests"].get(operation, {}).get("by_code", {})
