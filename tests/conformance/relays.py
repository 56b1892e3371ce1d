"""Relays between a target and the harness: each passes on what it hears, changed or not."""

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
    """A request that came to a relay."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class RelayedResponse(NamedTuple):
    """An answer."""

    status: int
    body: bytes


def forward(url: str, request: RelayedRequest) -> tuple[RelayedResponse, str | None]:
    """The server's answer to a request, and its Retry-After."""
    place = urlsplit(url)
    upstream = http.client.HTTPConnection(place.hostname, place.port, timeout=20)
    upstream.request(request.method, request.path, request.body or None, request.headers)
    answer = upstream.getresponse()
    response = RelayedResponse(answer.status, answer.read())
    upstream.close()
    return response, answer.headers.get("retry-after")


class _HttpServer(ABC):
    """
    An HTTP server on a free port that answers as `answer` says.

    Attributes:
        url: Where it is.
    """

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
        """What is said, and its Retry-After."""

    def close(self) -> None:
        """Listen no longer."""
        self._server.shutdown()
        self._server.server_close()


class RestRelay(_HttpServer):
    """
    Passes requests on to a stand-in.

    Attributes:
        asks: asked → what is passed on in its place.
        instead: asked → what is said instead of passing it on; None passes it on.
        changes: (asked, said) → what is said.
    """

    def __init__(self, url: str) -> None:
        self._upstream = url
        self.withheld: list[RelayedRequest] = []
        self.reset()
        super().__init__(_HEADERS)

    def answer(self, request: RelayedRequest) -> tuple[RelayedResponse, str | None]:
        """The stand-in's, or another one."""
        response = self.instead(request)
        if response is not None:
            self.withheld.append(request)
            return response, None
        response, wait = forward(self._upstream, self.asks(request))
        return self.changes(request, response), wait

    def reset(self) -> None:
        """Pass everything on as it is, and every deletion that was withheld."""
        self.asks = lambda request: request
        self.instead = lambda _asked: None
        self.changes = lambda _asked, response: response
        for request in self.withheld:
            if request.method == "DELETE":
                forward(self._upstream, request)
        self.withheld.clear()


class HookRelay(_HttpServer):
    """
    Stands between a stand-in and a mailbox, and signs anew what it changes.

    It is a mailbox itself: `secret`, `refuses` and `deliveries` are those behind it.

    Attributes:
        changes: Changes the body of a webhook, in place.
    """

    def __init__(self, webhook_inbox: Any) -> None:
        self._mailbox = webhook_inbox
        self.secret, self.refuses = webhook_inbox.secret, webhook_inbox.refuses
        self.deliveries = webhook_inbox.deliveries
        self.changes: Callable[[dict[str, Any]], None] = lambda _told: None
        super().__init__(("x-opensteer-signature",))

    def answer(self, request: RelayedRequest) -> tuple[RelayedResponse, str | None]:
        """The mailbox's."""
        message = json.loads(request.body)
        self.changes(message)
        body = json.dumps(message).encode()
        second = request.headers["x-opensteer-signature"].partition(",")[0]
        signed = second.removeprefix("t=").encode() + b"." + body
        mac = hmac.new(self.secret.encode(), signed, sha256).hexdigest()
        headers = {"x-opensteer-signature": f"{second},v1={mac}"}
        return forward(self._mailbox.url, request._replace(headers=headers, body=body))


class FrameRelay:
    """
    Passes bytes on to a stand-in, and back; texts that it sends over a socket may change.

    The stand-in makes its sockets' URLs from the ``Host`` it is asked by, so they lead here.

    Attributes:
        url: Where it is.
        changes: A frame's text → what is passed on.
    """

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._upstream = (place.hostname, place.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.changes: Callable[[bytes], bytes] = lambda text: text
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        """Listen no longer."""
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
            for work in (self._ask, self._tell):
                threading.Thread(target=work, args=(client, server), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _tell(self, client: socket.socket, server: socket.socket) -> None:
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
