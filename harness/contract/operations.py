"""The HTTP operations of the API: names, paths, and which are safe to repeat."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

ANY_SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True)
class Operation:
    """
    One HTTP operation.

    Attributes:
        path: Path below the base URL; ``{id}`` is the session, run or slug.
        success: Statuses that the contract allows for a success.
        repeatable: Sending it twice without a key has the effect of sending it once.
        keyed: An Idempotency-Key makes it safe to repeat, and is sent.
        query: Names of the query parameters it takes.
    """

    name: str
    method: str
    path: str
    success: Collection[int]
    repeatable: bool = False
    keyed: bool = False
    query: tuple[str, ...] = ()


_200 = frozenset({200})
_PAGE = ("logLimit", "beforeLogCursor")
_ALL = (
    Operation("health", "GET", "/health", _200, repeatable=True),
    Operation("create_session", "POST", "/sessions", ANY_SUCCESS, keyed=True),
    Operation("get_session", "GET", "/sessions/{id}", _200, repeatable=True),
    Operation("delete_session", "DELETE", "/sessions/{id}", ANY_SUCCESS, repeatable=True),
    Operation("import_selector_cache", "POST", "/selector-cache/import", _200, keyed=True),
    Operation("queue_run", "POST", "/scrapers/{id}/runs", ANY_SUCCESS, keyed=True),
    Operation("get_run", "GET", "/runs/{id}", _200, repeatable=True),
    Operation("get_run_logs", "GET", "/runs/{id}/logs", _200, repeatable=True, query=_PAGE),
)

OPERATIONS: Mapping[str, Operation] = {op.name: op for op in _ALL}

_PARTS = {op.name: op.path.partition("{id}") for op in _ALL}


def request_target(
    operation: str | Operation, resource_id: str = "", **query: str | int | None
) -> str:
    """
    Build the request target: the path and query after the base URL.

    The id comes from a response, so it is untrusted: every character that could end the path
    segment is escaped, and so are the names ``.`` and ``..``.

    Args:
        resource_id: Session id, run id or scraper slug; "" for the rest.
        query: Parameters by their name on the wire; None leaves one out.

    Raises ValueError for a missing or unexpected id, or an unknown parameter.

    >>> request_target("get_run_logs", "run 1/2", logLimit=50, beforeLogCursor=None)
    '/runs/run%201%2F2/logs?logLimit=50'
    """
    op = operation if isinstance(operation, Operation) else OPERATIONS[operation]
    head, wants_id, tail = _PARTS[op.name]
    if bool(wants_id) != bool(resource_id):
        msg = f"{op.name}: path {op.path!r} does not fit the id {resource_id[:80]!r}"
        raise ValueError(msg)
    path = head + _segment(resource_id) + tail if wants_id else head
    if not query:
        return path
    if unknown := query.keys() - set(op.query):
        msg = f"{op.name} takes no query parameter {min(unknown)!r}"
        raise ValueError(msg)
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _segment(resource_id: str) -> str:
    escaped = quote(resource_id, safe="", errors="replace")
    return escaped.replace(".", "%2E") if escaped in {".", ".."} else escaped
