"""Success bodies of every operation, and ways to change them."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from harness.contract.interpretation import interpret

SESSION = {
    "sessionId": "ses_1",
    "workspaceId": "ws_1",
    "state": "active",
    "createdAt": 1764000000000,
    "sourceType": "local-cloud",
}
CREATED = {
    "sessionId": "ses_1",
    "actionWsUrl": "wss://h/ws/action/ses_1",
    "cdpWsUrl": "wss://h/ws/cdp/ses_1",
    "actionToken": "secret-action-token",
    "cdpToken": "secret-cdp-token",
    "cloudSessionUrl": "https://h/s/ses_1",
    "cloudSession": SESSION,
}
RUN = {"id": "run_1", "slug": "s", "status": "queued", "input": {"a": 1}, "output": None}
QUEUED = {"run": RUN, "replayed": False, "links": {"status": "/runs/run_1", "logs": "/l"}}
LINE = {"cursor": "7", "timestamp": "2025-11-01T00:00:00Z", "level": "info", "message": "hi"}
COUNTS = {"imported": 3, "inserted": 2, "updated": 1, "skipped": 4}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["sessionId", "cloudSession", "session", "run", "id", "status", "replayed",
                 "links", "logs", "imported", "error", "code", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)  # fmt: skip


def ask(operation, body, status=200):
    """Interpret a body given as JSON-ready data."""
    return interpret(operation, status, json.dumps(body).encode())


def without(body, path):
    copy = json.loads(json.dumps(body))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return copy


def replaced(body, path, value):
    copy = json.loads(json.dumps(body))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copy
