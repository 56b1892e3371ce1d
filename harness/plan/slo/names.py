"""The names an objective may use: operations, methods of the sockets, outcomes."""

from __future__ import annotations

from harness.contract import operations
from harness.contract.outcomes import Outcome
from harness.contract.sockets import ACTION_METHODS

SOCKET_GROUPS = ("action", "cdp")
OPERATIONS = (*operations.OPERATIONS, *SOCKET_GROUPS, "webhook")
ACTIONS = ("connect", *ACTION_METHODS)
OUTCOMES = tuple(outcome.value for outcome in Outcome)
NOT_ERRORS = frozenset({"ok", "rate_limited", "capacity_full"})
"""Outcomes that ``errors`` does not count."""
