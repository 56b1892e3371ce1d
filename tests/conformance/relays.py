"""Relays between a target and the harness: they forward messages, changed or unchanged."""

from __future__ import annotations

import hmac
import http.client
import json
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_HEADERS = ("x-api-key", "authorization", "idempotency-key", "content-type")
_TEXT = 1


class RelayedRequest(NamedTuple):
    """A request that a relay received."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class RelayedResponse(NamedTuple):
    """A response of a relay."""

    status: int
    body: bytes


def forward(url: str, request: RelayedRequest) -> tuple[RelayedResponse, str | None]:
    """The server's response to a request, and its Retry-After."""
    place = urlsplit(url)
    upstream = http.client.HTTPConnection(place.hostname, place.port, timeout=20)
    upstream.request(request.method, request.path, request.body or None, request.headers)
    answer = upstream.getresponse()
    response = RelayedResponse(answer.status, answer.read())
    upstream.close()
    return response, answer.headers.get("retry-after")


class _HttpServer(ABC):
    """An HTTP server on a free port; `answer` makes its responses."""

    def __init__(self, names: tuple[str, ...]) -> None:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _relay(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                given = {n: self.headers[n] for n in names if n in self.headers}
                response, wait = server.answer(RelayedRequest(self.command, self.path, given, body))
                self.send_response(response.status)
                self.send_header("content-length", str(len(response.body)))
                if wait:
                    self.send_header("retry-after", wait)
                self.end_headers()
                self.wfile.write(response.body)

            do_GET = do_POST = do_DELETE = do_PUT = _relay

            def log_message(self, *_args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @abstractmethod
    def answer(self, request: RelayedRequest) -> tuple[RelayedResponse, str | None]:
        """The response, and its Retry-After."""

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class RestRelay(_HttpServer):
    """
    Forwards requests to a stand-in.

    Attributes:
        asks: request → the request to forward.
        instead: request → a response without forwarding; None forwards it.
        changes: (request, response) → the response to send.
    """

    def __init__(self, url: str) -> None:
        self._upstream = url
        self.withheld: list[RelayedRequest] = []
        self.reset()
        super().__init__(_HEADERS)

    def answer(self, request: RelayedRequest) -> tuple[RelayedResponse, str | None]:
        """The stand-in's response, or another one."""
        response = self.instead(request)
        if response is not None:
            self.withheld.append(request)
            return response, None
        response, wait = forward(self._upstream, self.asks(request))
        return self.changes(request, response), wait

    def reset(self) -> None:
        """Forward everything unchanged from now on, and the withheld deletions."""
        self.asks = lambda request: request
        self.instead = lambda _request: None
        self.changes = lambda _request, response: response
        for request in self.withheld:
            if request.method == "DELETE":
                forward(self._upstream, request)
        self.withheld.clear()


class HookRelay(_HttpServer):
    """
    Forwards webhooks from a stand-in to an inbox, and signs them again after its change.

    It is a webhook inbox itself: `secret`, `refuses` and `deliveries` are those of the inbox.

    Attributes:
        changes: Changes the body of a webhook, in place.
    """

    def __init__(self, webhook_inbox: Any) -> None:
        self._inbox = webhook_inbox
        self.secret, self.refuses = webhook_inbox.secret, webhook_inbox.refuses
        self.deliveries = webhook_inbox.deliveries
        self.changes: Callable[[dict[str, Any]], None] = lambda _message: None
        super().__init__(("x-opensteer-signature",))

    def answer(self, request: RelayedRequest) -> tuple[RelayedResponse, str | None]:
        """The inbox's response."""
        message = json.loads(request.body)
        self.changes(message)
        body = json.dumps(message).encode()
        second = request.headers["x-opensteer-signature"].partition(",")[0]
        signed = second.removeprefix("t=").encode() + b"." + body
        mac = hmac.new(self.secret.encode(), signed, sha256).hexdigest()
        headers = {"x-opensteer-signature": f"{second},v1={mac}"}
        return forward(self._inbox.url, request._replace(headers=headers, body=body))


class FrameRelay:
    """
    Forwards bytes to a stand-in and back; can change the texts that it sends over a socket.

    The stand-in makes its sockets' URLs from the ``Host`` header, so they lead here.

    Attributes:
        changes: A frame's text → the text to forward.
    """

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._upstream = (place.hostname, place.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.changes: Callable[[bytes], bytes] = lambda text: text
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._upstream)
            for work in (self._forward_requests, self._forward_responses):
                threading.Thread(target=work, args=(client, server), daemon=True).start()

    def _forward_requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _forward_responses(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError), server.makefile("rb") as response, client, server:
            head = response.readline()
            while not head.endswith(b"\r\n\r\n") and (line := response.readline()):
                head += line
            client.sendall(head)
            is_socket = b" 101 " in head.partition(b"\r\n")[0]
            while data := self._frame(response) if is_socket else response.read1():
                client.sendall(data)

    def _frame(self, response: Any) -> bytes:
        """The server's next frame (RFC 6455, section 5.2), its text changed."""
        if len(head := response.read(2)) < 2:
            return b""
        size = head[1]
        if size >= 126:
            kind, bytes_ = (">H", 2) if size == 126 else (">Q", 8)
            (size,) = struct.unpack(kind, response.read(bytes_))
        payload = response.read(size)
        if head[0] & 0x0F == _TEXT:
            payload = self.changes(payload)
        size = len(payload)
        if size < 126:
            return bytes([head[0], size]) + payload
        if size < 1 << 16:
            return bytes([head[0], 126]) + struct.pack(">H", size) + payload
        return bytes([head[0], 127]) + struct.pack(">Q", size) + payload
