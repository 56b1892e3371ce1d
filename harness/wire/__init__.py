"""Requests out, responses in, with times: `connect` makes a user's `Transport`."""

from __future__ import annotations

from harness.wire.factory import TransportKind, connect
from harness.wire.transport import Failure, Request, Response, Target, Timeouts, Transport

__all__ = [
    "Failure", "Request", "Response", "Target", "Timeouts", "Transport", "TransportKind",
    "connect",
]  # fmt: skip
