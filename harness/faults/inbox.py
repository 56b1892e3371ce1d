"""
The webhook inbox: the receiver as an ASGI application on uvicorn, in its own process.

Uvicorn bounds neither the size of a request's head nor the time it takes to arrive. The
stand-in's `Connection` refuses a head over 64 KiB and a request older than `REQUEST_S_MAX`.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import uvicorn
from pydantic import Field

from harness.addresses import bind_socket, format_address
from harness.faults.event_log import EventLog
from harness.faults.process import ProcessConfig, main
from harness.faults.receiver import WebhookReceiver
from harness.faults.signature import TOLERANCE_S
from harness.faults.spec import InboxBehaviour
from harness.standin.asgi import (
    DisconnectedError,
    Receive,
    Scope,
    Send,
    TooLargeError,
    read_body,
)
from harness.standin.connections import Connection, close_late_requests

HEAD_BYTES_MAX = 16 * 1024
BODY_BYTES_MAX = 1024 * 1024
REQUEST_S_MAX = 10
"""Limit for a request to arrive, and for a kept connection to stay idle."""
_BACKLOG = 1024


class InboxServer:
    """Hands each POST to the receiver."""

    def __init__(self, receiver: WebhookReceiver, listen: tuple[str, int]) -> None:
        self.url = ""  # base URL of the webhooks; its path may end with a tag. Set by `open`
        self._receiver = receiver
        self._listen = listen
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._serve, http=Connection, ws="none", lifespan="off", interface="asgi3",
                access_log=False, log_config=None, log_level="critical", server_header=False,
                timeout_keep_alive=REQUEST_S_MAX, timeout_graceful_shutdown=0, backlog=_BACKLOG,
            )
        )  # fmt: skip
        self._sweeper: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Listen, without uvicorn's ``serve``: the process handles signals and its end."""
        listener = bind_socket(*self._listen)
        self.url = f"http://{format_address(*listener.getsockname()[:2])}"
        self._server.config.load()
        self._server.lifespan = self._server.config.lifespan_class(self._server.config)
        await self._server.startup([listener])
        self._sweeper = asyncio.create_task(
            close_late_requests(self._server.server_state, REQUEST_S_MAX)
        )

    def begin(self, begun_ns: int) -> None:
        """Ignore the start signal: an inbox has no schedule."""

    async def close(self) -> None:
        """Close the socket and all connections; held deliveries get no response."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in self._server.server_state.connections:
            connection.transport.close()
        await self._server.shutdown()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if refusal := _refuse_head(scope):
            await _answer(send, refusal, keep=False)
            return
        try:
            body = await read_body(receive, BODY_BYTES_MAX)
        except DisconnectedError:
            return
        except TooLargeError:
            await _answer(send, 413, keep=False)
            return
        headers = dict(scope["headers"])
        signature = headers.get(b"x-opensteer-signature", b"").decode("latin-1")
        status = await self._receiver.receive(scope["raw_path"].decode(), signature, body)
        if status:
            await _answer(send, status, keep=True)
            return
        for connection in self._server.server_state.connections:
            if isinstance(connection, Connection) and connection.client == scope["client"]:
                connection.transport.close()
        await receive()  # until it is closed; otherwise uvicorn sends a 500


def _refuse_head(scope: Scope) -> int:
    """The status that refuses a request because of its head; 0 accepts it."""
    if scope["method"] != "POST":
        return 405
    size_bytes = sum(len(name) + len(value) for name, value in scope["headers"])
    return 431 if size_bytes > HEAD_BYTES_MAX else 0


async def _answer(send: Send, status: int, *, keep: bool) -> None:
    headers = [(b"content-length", b"0")]
    if not keep:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body"})


class InboxConfig(ProcessConfig):
    """Configuration of an inbox."""

    secret: Annotated[str, Field(min_length=1)]
    tolerance_s: float = TOLERANCE_S  # maximum difference between a signed time and now
    behaviour: InboxBehaviour = InboxBehaviour()  # shares of genuine deliveries to treat badly


async def start_inbox(config: InboxConfig) -> InboxServer:
    """
    Open the inbox that `config` describes.

    Raises:
        OSError: The address cannot be bound, or the events file cannot be opened.
    """
    receiver = WebhookReceiver(
        config.secret,
        event_log=EventLog(config.events, "inbox"),
        behaviour=config.behaviour,
        seed=config.seed,
        tolerance_s=config.tolerance_s,
    )
    inbox = InboxServer(receiver, config.listen)
    await inbox.open()
    return inbox


if __name__ == "__main__":
    sys.exit(main("harness.faults.inbox", InboxConfig, start_inbox))
