"""HTTP/1.1 over plain sockets in gevent's loop, at the lowest cost per attempt."""

from __future__ import annotations

from harness.wire.fast.exchange import FastTransport

__all__ = ["FastTransport"]
