"""
The seam between a call and the network: one request out, one answer or failure in.

A `Transport` belongs to one user and keeps at most one connection of his. It does
what it is asked once: it never resends, never follows a redirect, never raises for
anything that the network or the server does. How an exchange went wrong is a
`Failure` in the `Response`; what that means for the call is the client's business.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import msgspec


class Request(msgspec.Struct, frozen=True, gc=False):
    """
    What to send.

    Attributes:
        method: An upper-case method other than HEAD and CONNECT.
        target: The path below the base URL with its query, beginning with ``/``;
            percent-encoded already, printable ASCII.
        body: JSON text as bytes; None sends no body.
        idempotency_key: Sent as ``idempotency-key``; "" sends none.
    """

    method: str
    target: str
    body: bytes | None = None
    idempotency_key: str = ""


class Failure(StrEnum):
    """How an exchange ended when there was no whole answer."""

    CONNECT_TIMEOUT = "connect_timeout"
    """No connection (name, TCP and TLS) within ``connect_s``."""
    SEND_TIMEOUT = "send_timeout"
    """The server took no byte of the request for ``read_s``."""
    READ_TIMEOUT = "read_timeout"
    """The server sent no byte of the answer for ``read_s``."""
    DEADLINE = "deadline"
    """The exchange's own deadline passed, wherever it was."""
    REFUSED = "refused"
    """Nobody listens on that port."""
    UNREACHABLE = "unreachable"
    """The name is unknown, or there is no way to the address (or no socket left)."""
    TLS = "tls"
    """The handshake failed: certificate, host name, protocol."""
    RESET = "reset"
    """The connection was closed or reset before the whole answer was read."""
    STALE = "stale"
    """A reused connection was closed with not one byte of the answer read."""
    MALFORMED = "malformed"
    """The answer is not HTTP, or breaks a bound, or cannot be decoded."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """
    Bounds of one exchange's parts; its whole is bounded by the deadline it is given.

    Attributes:
        connect_s: For name, TCP and TLS together.
        read_s: The longest silence while the request is sent or the answer read.
    """

    connect_s: float = 2.0
    read_s: float = 10.0

    def __post_init__(self) -> None:
        if not (self.connect_s > 0 and self.read_s > 0):
            raise ValueError(f"timeouts must be positive: {self!r}")


@dataclass(frozen=True, slots=True)
class Target:
    """
    Where to, and how.

    Attributes:
        base_url: ``http://`` or ``https://`` with host, port and path prefix.
        headers: Sent with every request (authorization, user agent). Their values
            are never shown by ``repr``.
        ca_file: PEM file of the authorities to trust instead of the system's.
        verify: Check the server's certificate and name.
        max_head_bytes: The longest head of an answer, interim answers included.
        max_body_bytes: The longest body of an answer, both coded and decoded.
        timeouts: The parts' bounds.
        via: Host and port to connect to in the place of the base URL's own, where something
            stands in between; what is sent and who is believed stay the same.
        proxy: URL of a proxy (``httpx`` only).
        http2: Offer HTTP/2 by ALPN (``httpx`` only).
    """

    base_url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    ca_file: str | None = None
    verify: bool = True
    max_head_bytes: int = 64 * 1024
    max_body_bytes: int = 8 * 1024 * 1024
    timeouts: Timeouts = field(default_factory=Timeouts)
    via: tuple[str, int] | None = None
    proxy: str | None = field(default=None, repr=False)
    http2: bool = False


class Response(msgspec.Struct, frozen=True, gc=False):
    """
    How one exchange ended.

    Attributes:
        status: The final answer's HTTP status; 0 when no head was read.
        body: The body with content codings undone; b"" on a failure.
        retry_after: The header as it stands; None when absent.
        content_type: The header as it stands; None when absent.
        start_ns: When the exchange began, connecting included (`harness.clock`).
        end_ns: When the whole answer was there, or the exchange was given up.
        bytes_out: Bytes of the request handed to the network, head included.
        bytes_in: Bytes of the answer read, head included, before decoding.
        failure: None when the whole answer was read.
        detail: What went wrong, in a few words for people; "" when nothing did.
    """

    status: int
    body: bytes
    retry_after: str | None
    content_type: str | None
    start_ns: int
    end_ns: int
    bytes_out: int
    bytes_in: int
    failure: Failure | None = None
    detail: str = ""


class Transport(Protocol):
    """One user's way to the target."""

    def exchange(self, request: Request, deadline_ns: int) -> Response:
        """
        Send one request and read its answer, until ``deadline_ns`` at the latest.

        Args:
            request: What to send.
            deadline_ns: Unix nanoseconds of `harness.clock.unix_ns`.

        Returns:
            The reply, whatever the network and the server did.

        Raises:
            ValueError: The request cannot be written as HTTP (a line break in the
                target or the key): a mistake of the caller.
        """

    def close(self) -> None:
        """Close the connection; a second call does nothing."""


class ExchangeError(Exception):
    """
    The exchange is over without a whole answer; ``exchange`` turns it into a reply.

    Attributes:
        failure: How it ended.
        detail: The same in a few words.
        sent: Bytes that the network had taken of what was being sent then.
    """

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(detail)
        self.failure = failure
        self.detail = detail
        self.sent = 0
