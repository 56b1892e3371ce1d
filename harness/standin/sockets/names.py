"""
Names of socket operations in settings and in the truth.

``action.connect`` and ``cdp.connect`` are upgrades, ``action.goto`` is one method. In a setting,
``action`` is any method without a setting of its own, and ``cdp`` any DevTools command; the truth
counts the usual ones by name (``cdp.Page.navigate``).
"""

from __future__ import annotations

from harness.standin.sockets.frames import METHODS

ACTION_CONNECT = "action.connect"
CDP_CONNECT = "cdp.connect"
ACTIONS = {method: f"action.{method}" for method in METHODS}
UNKNOWN_ACTION = "action.unknown"
"""An unknown method, or an invalid frame."""
CDP = "cdp"

OPERATIONS = (ACTION_CONNECT, *ACTIONS.values(), UNKNOWN_ACTION, CDP_CONNECT, CDP)
"""Everything that is counted."""
GROUPS = ("action",)
"""Names that only settings know."""


def settings_group(operation: str) -> str:
    """The setting that an operation falls back on: ``action`` for a method, else ""."""
    in_group = operation.startswith("action.") and operation != ACTION_CONNECT
    return "action" if in_group else ""
