"""Requests out, answers in, with times: `connect` makes a user's `Transport`."""

from __future__ import annotations

from harness.wire.factory import Kind, connect
from harness.wire.transport import Failure, Reply, Request, Target, Timeouts, Transport

__all__ = [
    "Failure",
    "Kind",
    "Reply",
    "Request",
    "Target",
    "Timeouts",
    "Transport",
    "connect",
]
