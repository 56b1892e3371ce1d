"""HTTP/1.1 over bare sockets in gevent's loop, at the least cost an attempt can have."""

from __future__ import annotations

from harness.wire.fast.exchange import FastTransport

__all__ = ["FastTransport"]
