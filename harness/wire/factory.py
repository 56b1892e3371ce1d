"""
Make transports for a target: one per user, with shared parts.

A TLS context costs about 20 ms to build, which would freeze every other user, so the process
has one per (authorities, verify).
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import Literal

from harness.errors import UsageError
from harness.wire.transport import Target, Transport

TransportKind = Literal["fast", "httpx"]


def connect(target: Target, kind: TransportKind = "fast") -> Transport:
    """
    Make one user's transport; the network is not used before its first exchange.

    ``fast`` is for HTTP/1.1 at the lowest cost, ``httpx`` for HTTP/2 and proxies.

    Raises:
        UsageError: The base URL or the CA file is wrong, or the transport cannot do what the
            target needs.
        ValueError: A header that cannot be written (a bug of the caller).
    """
    if target.via is not None and target.proxy is not None:
        raise UsageError("--fault cannot be combined with --proxy")
    if kind == "httpx":
        from harness.wire.httpx_transport import HttpxTransport  # noqa: PLC0415  slow to import

        context = shared_tls_context(target.ca_file, target.verify, http2=target.http2)
        return HttpxTransport(target, context)
    if target.proxy is not None or target.http2:
        raise UsageError("the fast transport has no proxy and no HTTP/2; use --transport httpx")
    from harness.wire.fast.exchange import FastTransport  # noqa: PLC0415  slow to import

    return FastTransport(target, shared_tls_context)


@lru_cache(maxsize=8)
def shared_tls_context(
    ca_file: str | None,
    verify: bool,  # noqa: FBT001  a key
    *,
    http2: bool = False,
) -> ssl.SSLContext:
    """
    The process's TLS context for these authorities; raise UsageError for a wrong CA file.

    HTTP/2 has a context of its own, since a context offers its ALPN protocols to every user.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"CA file {ca_file!r} cannot be read: {error}") from None
    context.set_alpn_protocols(["h2", "http/1.1"] if http2 else ["http/1.1"])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
