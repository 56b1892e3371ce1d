"""
The interface between a call and the network: one request out, one response or failure in.

A `Transport` belongs to one user and keeps at most one connection. It sends each request once:
it never resends, never follows a redirect, and never raises for anything that the network or
the server does. A `Failure` in the `Response` says how an exchange failed. What that means for
the call is decided by the client.
"""

from __future__ import annotations

import ssl
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
            percent-encoded, printable ASCII.
        body: JSON text as bytes; None sends no body.
        idempotency_key: Sent as ``idempotency-key``; "" sends none.
    """

    method: str
    target: str
    body: bytes | None = None
    idempotency_key: str = ""


class Failure(StrEnum):
    """How an exchange ended without a complete response."""

    CONNECT_TIMEOUT = "connect_timeout"
    """No connection (name, TCP and TLS) within ``connect_s``."""
    SEND_TIMEOUT = "send_timeout"
    """The server took no byte of the request for ``read_s``."""
    READ_TIMEOUT = "read_timeout"
    """The server sent no byte of the response for ``read_s``."""
    DEADLINE = "deadline"
    """The exchange's own deadline passed."""
    REFUSED = "refused"
    """Nobody listens on that port."""
    UNREACHABLE = "unreachable"
    """The name is unknown, the address has no route, or no socket is left."""
    TLS = "tls"
    """The handshake failed: certificate, host name, protocol."""
    RESET = "reset"
    """The connection was closed or reset before the complete response was read."""
    STALE = "stale"
    """A reused connection was closed before any byte of the response."""
    MALFORMED = "malformed"
    """The response is not HTTP, exceeds a bound, or cannot be decoded."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """
    Bounds of one exchange's parts: connecting (name, TCP, TLS), and the longest silence after it.
    """

    connect_s: float = 2.0
    read_s: float = 10.0

    def __post_init__(self) -> None:
        if not (self.connect_s > 0 and self.read_s > 0):
            raise ValueError(f"timeouts must be positive: {self!r}")


@dataclass(frozen=True, slots=True)
class Target:
    """
    Where to send requests, and how.

    Attributes:
        base_url: ``http://`` or ``https://`` with host, port and path prefix.
        headers: Sent with every request (authorization, user agent); ``repr`` omits them.
        ca_file: PEM file of the authorities to trust instead of the system's.
        max_head_bytes: The longest head of a response, interim responses included.
        max_body_bytes: The longest body of a response, both coded and decoded.
        via: Host and port to connect to instead of the base URL's own; the request and the
            expected certificate stay the same.
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
        status: The final response's HTTP status; 0 when no head was read.
        body: The decoded body; b"" on a failure.
        retry_after: The header, unprocessed; None when absent.
        content_type: The header, unprocessed; None when absent.
        start_ns: When the exchange began, connecting included (`harness.clock`).
        end_ns: When the response was complete, or the exchange was abandoned.
        bytes_out: Bytes of the request passed to the network, head included.
        bytes_in: Bytes of the response read, head included, before decoding.
        failure: None when the complete response was read.
        detail: What failed, in a few words for people; "" when nothing did.
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
    """One user's connection to the target."""

    def exchange(self, request: Request, deadline_ns: int) -> Response:
        """
        Send one request and read its response, until ``deadline_ns`` (`harness.clock`) at most.

        Raises ValueError for a request that is not HTTP (a line break in it): a bug of the caller.
        """

    def close(self) -> None:
        """Close the connection; a second call does nothing."""


class ExchangeError(Exception):
    """The exchange ended without a complete response; ``sent`` is what the network took of it."""

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(detail)
        self.failure = failure
        self.detail = detail
        self.sent = 0


def failure_of(error: Exception) -> tuple[Failure, str]:
    """The failure, and a few words on it, that an error of a connection means."""
    if isinstance(error, ExchangeError):
        return error.failure, error.detail
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return Failure.TLS, f"{error.reason or error}"
    if isinstance(error, OSError):
        return Failure.RESET, f"{error.strerror or type(error).__name__}"
    return Failure.MALFORMED, f"{type(error).__name__}: {error}"[:200]
