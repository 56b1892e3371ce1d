"""Servers that do exactly as they are told, in threads with plain sockets."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from harness.clock import unix_ns
from harness.wire import Request, Response, Target, Timeouts, Transport, connect

CLOSE = "close"
RESET = "reset"
HOLD = "hold"

Step = bytes | float | str
Plan = list[Step]


def echo_plan() -> Plan:
    """Answer with the request's own key."""
    return [b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n<KEY-ID>"]


class Connection:
    """One accepted connection, seen by a handler."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.rest = b""

    def read_request(self) -> bytes | None:
        """The next whole request; None at the end of the connection."""
        head = self._read_past(b"\r\n\r\n")
        if head is None:
            return None
        length = re.search(rb"(?i)content-length: (\d+)", head)
        wanted = int(length[1]) if length else 0
        while len(self.rest) < wanted:
            piece = self._receive()
            if not piece:
                return None
            self.rest += piece
        body, self.rest = self.rest[:wanted], self.rest[wanted:]
        return head + body

    def read_head(self) -> bytes | None:
        """The next request's head only."""
        return self._read_past(b"\r\n\r\n")

    def reset(self) -> None:
        """Close so that the other side sees a reset."""
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def hold(self) -> None:
        """Wait, reading what comes, until the client closes."""
        while self._receive():
            pass

    def _receive(self) -> bytes:
        try:
            return self.sock.recv(65536)
        except OSError:
            return b""

    def _read_past(self, mark: bytes) -> bytes | None:
        while mark not in self.rest:
            piece = self._receive()
            if not piece:
                return None
            self.rest += piece
        end = self.rest.index(mark) + len(mark)
        found, self.rest = self.rest[:end], self.rest[end:]
        return found


class Server:
    """Accepts on a loopback port; each connection goes to the handler in a thread."""

    def __init__(
        self,
        handler: Callable[[Connection], None],
        context: ssl.SSLContext | None = None,
        address: str = "127.0.0.1",
    ) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, 0), family=family, backlog=64)
        self._handler = handler
        self._context = context
        self._open: list[socket.socket] = []
        self.port = self._listener.getsockname()[1]
        self.accepted = 0
        self.ended = threading.Semaphore(0)
        """One more for each connection that the handler has done with and that was closed."""
        self.handshake_errors: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        if self._context is not None:
            try:
                sock = self._context.wrap_socket(sock, server_side=True)
            except OSError as error:
                self.handshake_errors.append(str(error))
                sock.close()
                return
            self._open.append(sock)
        with contextlib.suppress(OSError):
            self._handler(Connection(sock))
        sock.close()
        self.ended.release()

    def close(self) -> None:
        """Stop listening and cut every connection."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


class Script:
    """
    A handler that answers each request by the next plan, then by an echo for ever.

    A plan's bytes are sent with ``<KEY-ID>`` replaced by the request's own key;
    numbers are pauses in seconds; CLOSE, RESET and HOLD end the connection.
    ``settled`` is set when a plan of the last `play` was performed to its end,
    which with HOLD is when it begins to wait.
    """

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.early = False
        self.requests: list[bytes] = []
        self.settled = threading.Event()

    def play(self, *plans: Plan, early: bool = False) -> None:
        """Answer the next requests so; ``early``: before their bodies were read."""
        self.plans = list(plans)
        self.early = early
        self.requests.clear()
        self.settled = threading.Event()

    def __call__(self, connection: Connection) -> None:
        """Serve one connection."""
        while True:
            early = self.early and bool(self.plans)
            request = connection.read_head() if early else connection.read_request()
            if request is None:
                return
            self.requests.append(request)
            settled = self.settled if self.plans else None
            plan = self.plans.pop(0) if self.plans else echo_plan()
            try:
                going_on = _perform(plan, request, connection)
            finally:
                if settled is not None:
                    settled.set()
            if plan[-1:] == [HOLD]:
                connection.hold()
            if not going_on or early:
                return


def _perform(plan: Plan, request: bytes, connection: Connection) -> bool:
    found = re.search(rb"(?i)idempotency-key: (\S+)", request)
    key = found[1] if found else b"no-key-x"
    for step in plan:
        if step == CLOSE:
            return False
        if step == RESET:
            connection.reset()
            return False
        if step == HOLD:
            return False
        if isinstance(step, bytes):
            connection.sock.sendall(step.replace(b"<KEY-ID>", key))
        else:
            time.sleep(float(step))
    return True


class User:
    """A transport with short ways to use it."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.count = 0

    def get(self, key: str = "", deadline_s: float = 10.0) -> Response:
        """GET /thing."""
        return self.transport.exchange(
            Request("GET", "/thing", None, key), unix_ns() + int(deadline_s * 1e9)
        )

    def post(self, body: bytes = b"{}", key: str = "", deadline_s: float = 10.0) -> Response:
        """POST /thing."""
        return self.transport.exchange(
            Request("POST", "/thing", body, key), unix_ns() + int(deadline_s * 1e9)
        )

    def new_key(self) -> str:
        """A key of eight characters that was not used before."""
        self.count += 1
        return f"k{self.count:07d}"


@pytest.fixture(params=["fast", "httpx"])
def kind(request) -> str:
    """The transport under test."""
    return request.param


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start servers that end with the test."""
    servers: list[Server] = []

    def start(handler: Callable[[Connection], None], *args: object, **options: object) -> Server:
        servers.append(Server(handler, *args, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def make_user(kind: str) -> Iterator[Callable[..., User]]:
    """Make users of the transport under test."""
    users: list[User] = []

    def make(
        base_url: str, *, connect_s: float = 5.0, read_s: float = 5.0, **options: object
    ) -> User:
        target = Target(base_url, timeouts=Timeouts(connect_s, read_s), **options)
        users.append(User(connect(target, kind)))
        return users[-1]

    yield make
    for user in users:
        user.transport.close()


@pytest.fixture
def script() -> Script:
    """What the scripted server will do."""
    return Script()


@pytest.fixture
def scripted(serve, script: Script) -> Server:
    """A server that follows the script."""
    return serve(script)


@pytest.fixture
def user(make_user, scripted: Server) -> User:
    """A user of the scripted server."""
    return make_user(f"http://127.0.0.1:{scripted.port}")
