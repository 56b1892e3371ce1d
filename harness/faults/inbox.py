"""
The webhook inbox: a small HTTP server around the receiver, as a process.

``python -m harness.faults.inbox --config -``. Keys of the configuration: ``secret``,
``listen`` (``host:port``), ``events`` (a file to append to), ``seed``, ``tolerance_s``,
``behaviour`` (see ``harness.faults.receiver``), ``parent``. Head and body are bounded, and
a sender that does not finish its request in time is cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httptools

from harness.errors import UsageError
from harness.faults.event_log import EventLog
from harness.faults.process import check_keys, main, split_listen
from harness.faults.receiver import WebhookReceiver, read_behaviour
from harness.faults.signature import TOLERANCE_S

HEAD_BYTES_MAX = 16 * 1024
BODY_BYTES_MAX = 1024 * 1024
REQUEST_S_MAX = 10.0
"""The time for a request to arrive, and for a kept connection to stay idle."""
_READ_BYTES = 64 * 1024
_KEYS = {"secret", "listen", "events", "seed", "tolerance_s", "behaviour", "parent"}


class _TooLargeError(Exception):
    """A head or a body beyond its bound; ``status`` says which."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


class _Request:
    """
    Takes one request from httptools' callbacks.

    Attributes:
        keep: The connection may be used again; known when the request is complete.
    """

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.method = b""
        self.path = ""
        self.signature: str | None = None
        self.body = bytearray()
        self.is_complete = False
        self.in_head = True
        self.keep = False

    def feed(self, data: bytes) -> None:
        """
        Take bytes; what comes along behind the request ends the connection.

        Raises:
            httptools.HttpParserError: This is no request, or one over its bounds.
        """
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            if not self.is_complete:
                raise
            self.keep = False

    def on_message_begin(self) -> None:
        self.keep = False

    def on_url(self, url: bytes) -> None:
        if not self.is_complete:
            self.path += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.is_complete and name.lower() == b"x-opensteer-signature":
            self.signature = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.in_head = False

    def on_body(self, data: bytes) -> None:
        if self.is_complete:
            return
        self.body += data
        if len(self.body) > BODY_BYTES_MAX:
            raise _TooLargeError(413)

    def on_message_complete(self) -> None:
        if not self.is_complete:
            self.method = self.parser.get_method()
            self.keep = bool(self.parser.should_keep_alive())
            self.is_complete = True


class InboxServer:
    """
    Listens, on loopback unless told otherwise, and hands each POST to the receiver.

    Args:
        receiver: Judges deliveries.
        listen: Host and port; port 0 for a free one.
    """

    def __init__(self, receiver: WebhookReceiver, listen: tuple[str, int]) -> None:
        self._receiver = receiver
        self._listen = listen
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def url(self) -> str:
        """Base URL to give as a webhook's; a tag may follow as the last part of the path."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    async def open(self) -> None:
        """Begin to listen."""
        host, port = self._listen
        self._server = await asyncio.start_server(self._serve, host, port, backlog=1024)

    def begin(self, begun_ns: int) -> None:
        """The start signal means nothing to an inbox."""

    async def close(self) -> None:
        """End the socket and every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, TimeoutError, asyncio.CancelledError):
                while await self._serve_one(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _serve_one(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Serve one request; whether the connection may be used again."""
        request = _Request()
        try:
            async with asyncio.timeout(REQUEST_S_MAX):
                if not await _read_request(reader, request):
                    return False
        except _TooLargeError as error:
            await _write_response(writer, error.status, keep=False)
            return False
        except httptools.HttpParserError as error:
            cause = error.__context__
            status = cause.status if isinstance(cause, _TooLargeError) else 400
            await _write_response(writer, status, keep=False)
            return False
        if request.method != b"POST":
            await _write_response(writer, 405, keep=False)
            return False
        status = await self._receiver.receive(
            request.path, request.signature, bytes(request.body)
        )
        if status == 0:
            return False
        await _write_response(writer, status, keep=request.keep)
        return request.keep


async def _read_request(reader: asyncio.StreamReader, request: _Request) -> bool:
    """Feed bytes until the request is complete; False when the sender left."""
    head_bytes = 0
    while not request.is_complete:
        data = await reader.read(_READ_BYTES if not request.in_head else HEAD_BYTES_MAX)
        if not data:
            return False
        request.feed(data)
        if request.in_head:
            head_bytes += len(data)
            if head_bytes > HEAD_BYTES_MAX:
                raise _TooLargeError(431)
    return True


async def _write_response(writer: asyncio.StreamWriter, status: int, *, keep: bool) -> None:
    phrase = HTTPStatus(status).phrase
    kept = "keep-alive" if keep else "close"
    head = f"HTTP/1.1 {status} {phrase}\r\ncontent-length: 0\r\nconnection: {kept}\r\n\r\n"
    writer.write(head.encode())
    await writer.drain()


async def start_inbox(config: Mapping[str, Any]) -> InboxServer:
    """
    Open the inbox that `config` describes.

    Raises:
        UsageError: The configuration is wrong.
        OSError: The address cannot be bound, or the events file not opened.
    """
    check_keys(config, _KEYS)
    secret = config.get("secret")
    if not isinstance(secret, str) or not secret:
        msg = "secret is missing; give the webhook's secret as it stands"
        raise UsageError(msg)
    receiver = WebhookReceiver(
        secret,
        event_log=EventLog(config.get("events"), "inbox"),
        behaviour=read_behaviour(config.get("behaviour", {})),
        seed=int(config.get("seed", 0)),
        tolerance_s=float(config.get("tolerance_s", TOLERANCE_S)),
    )
    inbox = InboxServer(receiver, split_listen(config))
    await inbox.open()
    return inbox


if __name__ == "__main__":
    sys.exit(main("harness.faults.inbox", start_inbox))
