"""
Names of what happens on sockets, as settings and the truth have them.

``action.connect`` and ``cdp.connect`` are upgrades. ``action.goto`` is one method;
``action`` in a setting stands for all methods that are not named themselves. Every
command of the DevTools protocol is ``cdp`` in a setting; the truth counts the usual ones
by name (``cdp.Page.navigate``).
"""

from __future__ import annotations

from harness.standin.sockets.frames import METHODS

ACTION_CONNECT = "action.connect"
CDP_CONNECT = "cdp.connect"
ACTIONS = {method: f"action.{method}" for method in METHODS}
UNKNOWN_ACTION = "action.unknown"
"""A method that is none, or a frame that is no request."""
CDP = "cdp"

OPERATIONS = (ACTION_CONNECT, *ACTIONS.values(), UNKNOWN_ACTION, CDP_CONNECT, CDP)
"""Everything that is counted."""
GROUPS = ("action",)
"""Names that only settings know."""


def settings_group(operation: str) -> str:
    """The setting that an operation falls back on: ``action`` for a method, else none."""
    in_group = operation.startswith("action.") and operation != ACTION_CONNECT
    return "action" if in_group else ""
