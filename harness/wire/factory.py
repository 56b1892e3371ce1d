"""
Transports made from a target: one a user, with what they can share shared.

A TLS context costs some 20 ms to build, which would freeze every other user, so
there is one for the process per (authorities, verify).
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
    Make one user's transport; the network is not touched before its first exchange.

    Args:
        target: Where to.
        kind: ``fast`` for HTTP/1.1 at the least cost; ``httpx`` for HTTP/2 and proxies.

    Raises:
        UsageError: The base URL or the CA file is wrong, ``fast`` is asked for what only
            ``httpx`` can do, or two things would stand before the target.
        ValueError: A header that cannot be written (a mistake of the caller).
    """
    if target.via is not None and target.proxy is not None:
        raise UsageError("faults go with no --proxy: both would stand before the target")
    if kind == "httpx":
        from harness.wire.httpx_transport import HttpxTransport  # noqa: PLC0415  only who uses it pays

        context = shared_tls_context(target.ca_file, target.verify, http2=target.http2)
        return HttpxTransport(target, context)
    if target.proxy is not None or target.http2:
        raise UsageError("the fast transport knows no proxy and no HTTP/2; use httpx for them")
    from harness.wire.fast import FastTransport  # noqa: PLC0415  only who uses it pays

    return FastTransport(target, shared_tls_context)


@lru_cache(maxsize=8)
def shared_tls_context(
    ca_file: str | None,
    verify: bool,  # noqa: FBT001  a key
    *,
    http2: bool = False,
) -> ssl.SSLContext:
    """
    The process's TLS context for these authorities.

    HTTP/2 has one of its own: what a context offers by ALPN it offers everyone.

    Raises:
        UsageError: The CA file is absent or holds no certificate.
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
