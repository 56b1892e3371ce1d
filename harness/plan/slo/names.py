"""The names an objective may use: operations, methods of the sockets, outcomes."""

from __future__ import annotations

# fmt: off
OPERATIONS = (
    "health", "create_session", "get_session", "delete_session", "import_selector_cache",
    "queue_run", "get_run", "get_run_logs", "action", "cdp", "webhook",
)
SOCKET_GROUPS = ("action", "cdp")
ACTIONS = (
    "connect", "goto", "snapshot", "screenshot", "state", "click", "dblclick", "rightclick",
    "hover", "input", "select", "scroll", "tabs", "newTab", "switchTab", "closeTab",
    "getCookies", "setCookie", "clearCookies", "pressKey", "type", "getElementText",
    "getElementValue", "getElementAttributes", "getElementBoundingBox", "getHtml", "getTitle",
    "uploadFile", "exportCookies", "importCookies", "waitForText", "extract",
    "extractFromPlan", "clearCache",
)
OUTCOMES = (
    "ok", "rate_limited", "capacity_full", "auth_failed", "contract_mismatch", "timeout",
    "launch_timeout", "launch_failed", "not_found", "session_closed", "runtime_gone",
    "cdp_unavailable", "connection_lost", "connection_refused", "action_failed",
    "unsupported_method", "config_invalid", "not_configured", "invalid_response",
    "server_error", "client_error",
)
# fmt: on
NOT_ERRORS = frozenset({"ok", "rate_limited", "capacity_full"})
"""Outcomes that ``errors`` does not count."""
