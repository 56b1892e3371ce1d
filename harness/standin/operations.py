"""The API's operations, their methods and paths."""

from __future__ import annotations

import re
from typing import NamedTuple

from harness.standin.sockets import names

OPERATIONS = (
    "health", "create_session", "get_session", "delete_session", "import_selector_cache",
    "queue_run", "get_run", "get_run_logs",
)  # fmt: skip
"""Names of the HTTP operations."""

CONFIGURABLE = (*OPERATIONS, *names.GROUPS, *names.OPERATIONS)
"""Names that settings accept: HTTP and socket operations."""

UNKNOWN = "unknown"
"""An unknown path or method."""

_FIXED = {
    "/health": {"GET": "health"},
    "/sessions": {"POST": "create_session"},
    "/selector-cache/import": {"POST": "import_selector_cache"},
}
_SESSION = {"GET": "get_session", "DELETE": "delete_session"}
_RUN = {"GET": "get_run"}
_LOGS = {"GET": "get_run_logs"}
_QUEUE = {"POST": "queue_run"}
SLUG_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}"
_SLUG = re.compile(SLUG_PATTERN)


class Route(NamedTuple):
    """Where a request goes."""

    operation: str  # one of `OPERATIONS`, or `UNKNOWN`
    argument: str  # the path's id or slug; "" if it has none
    methods: tuple[str, ...]  # the methods of the path; empty if the path is unknown


def find_route(method: str, path: str) -> Route:
    """Find the route of a request; an unknown method leaves the path's methods in it."""
    table, argument = _find_path(path)
    return Route(table.get(method, UNKNOWN), argument, tuple(table))


def _find_path(path: str) -> tuple[dict[str, str], str]:
    if (table := _FIXED.get(path)) is not None:
        return table, ""
    parts = path.split("/")
    if len(parts) == 3 and parts[0] == "" and parts[2]:
        if parts[1] == "sessions":
            return _SESSION, parts[2]
        if parts[1] == "runs":
            return _RUN, parts[2]
    if len(parts) == 4 and parts[0] == "" and parts[2]:
        if parts[1] == "runs" and parts[3] == "logs":
            return _LOGS, parts[2]
        if parts[1] == "scrapers" and parts[3] == "runs" and _SLUG.fullmatch(parts[2]):
            return _QUEUE, parts[2]
    return {}, ""
