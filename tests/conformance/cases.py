"""
What breaks which statement: targets that are wrong in one thing, by the check that sees it.

The tests go through these tables; together they name every check of the suite.
"""

from __future__ import annotations

import json
from typing import Any

from harness.standin.config import Lies
from tests.conformance.relays import Said

LIES = [
    ({"executes_twice": 1.0}, {"create_session.idempotent", "queue_run.replayed"}),
    ({"forgets_keys_after_s": 1e-6}, {"create_session.idempotent", "queue_run.replayed"}),
    ({"replays_wrong_run": 1.0}, {"queue_run.replayed"}),
    ({"duplicate_session_id": 1.0}, {"create_session.distinct"}),
    ({"status_goes_back": 0.5}, {"get_run.final"}),
    ({"loses_log_line": 1.0}, {"get_run_logs.pages"}),
    (
        {"cache_miscounts": 1.0},
        {"import_selector_cache.answer", "import_selector_cache.accounting"},
    ),
    ({"older_wins": 1.0}, {"import_selector_cache.accounting"}),
    ({"signs_wrongly": 1.0}, {"webhook.signed"}),
    ({"delivers_for_unsubscribed": 1.0}, {"webhook.subscribed"}),
    ({"takes_any_token": 1.0}, {"sockets.tokens"}),
    ({"deleted_still_answers": 1.0}, {"delete_session.closed"}),
]
"""Lies of the stand-in, and the checks that find them out."""

FAILURES = [
    ({"health:CLOUD_INTERNAL_ERROR": 1.0}, {"health.ok"}),
    ({"create_session:CLOUD_LAUNCH_FAILED": 1.0}, {"create_session.answer"}),
    ({"delete_session:CLOUD_INTERNAL_ERROR": 1.0}, {"delete_session.answer"}),
    ({"queue_run:CLOUD_TIMEOUT": 1.0}, {"queue_run.answer"}),
    ({"action.connect:CLOUD_CDP_UNAVAILABLE": 1.0}, {"action.answer"}),
    ({"action:CLOUD_CONNECTION_LOST": 1.0}, {"action.answer", "action.by_id"}),
    (
        {"action:CLOUD_UNSUPPORTED_METHOD": 1.0},
        {"action.methods", "action.results", "action.failed"},
    ),
    ({"cdp:CLOUD_RUNTIME_GONE": 1.0}, {"cdp.answer", "cdp.attach"}),
    (
        {"import_selector_cache:CLOUD_INTERNAL_ERROR": 1.0},
        {"import_selector_cache.repeated_key", "import_selector_cache.batch"},
    ),
    ({"get_run_logs:CLOUD_TIMEOUT": 1.0}, {"get_run_logs.unknown", "get_run_logs.bounds"}),
    ({"get_run:CLOUD_INTERNAL_ERROR": 1.0}, {"get_run.unknown", "get_run.status"}),
]
"""Failures of the stand-in, and checks that they break."""

_LIMITED = {"rate": 0.5, "burst": 3}
SETTINGS: list[tuple[str, dict[str, Any], str]] = [
    ("auth.wrong_key", {"api_keys": ()}, "not 401"),
    (
        "webhook.delivered",
        {"lies": Lies(loses_delivery=1.0), "patience_s": 0.5, "run_canceled": 0.0},
        "no webhook came",
    ),
    ("webhook.redelivered", {"webhook_tries": 1, "patience_s": 0.5}, "no 2 webhooks came"),
    (
        "sockets.expired_token",
        {"token_lifetime_s": 0.3, "lies": Lies(takes_any_token=1.0)},
        "an expired token",
    ),
    ("rate_limit.retry_after", {"retry_after": "missing", **_LIMITED}, "Retry-After"),
    ("rate_limit.retry_after", {"retry_after": "malformed", **_LIMITED}, "Retry-After"),
    ("rate_limit.retry_after", {"retry_after": "decimal", **_LIMITED}, "Retry-After"),
    ("rate_limit.retry_after", {"retry_after": "early", **_LIMITED}, "refused again"),
    (
        "rate_limit.retry_after",
        {"lies": Lies(wrong_retry_after=1.0), **_LIMITED},
        "refused again",
    ),
]
"""A check, settings of a stand-in (and of the sitting) that it fails, and what it says."""

LEAKS = "create_session.capacity_full"
"""Fails where a deleted session makes no room; that spoils a stand-in for other tests."""


def _refusal(status: int, code: str) -> Said:
    return Said(status, json.dumps({"error": "no", "code": code}).encode())


INVALID = _refusal(400, "CLOUD_CONFIG_INVALID")
AUTH = _refusal(401, "CLOUD_AUTH_FAILED")
PRETENDED = Said(204, b"")

INSTEAD = {
    "create_session.without_key": (
        INVALID,
        lambda asked: "idempotency-key" not in asked.headers,
    ),
    "create_session.optional": (
        INVALID,
        lambda asked: asked.method == "POST" and b'"name"' not in asked.body,
    ),
    "create_session.launch": (INVALID, lambda asked: b"launchConfig" in asked.body),
    "queue_run.any_input": (INVALID, lambda asked: b"null" in asked.body),
    "queue_run.without_key": (INVALID, lambda asked: "idempotency-key" not in asked.headers),
    "errors.method": (INVALID, lambda asked: asked.method == "PUT"),
    "delete_session.answer": (INVALID, lambda asked: asked.method == "DELETE"),
    "delete_session.closed": (PRETENDED, lambda asked: asked.method == "DELETE"),
    "sockets.closed_session": (PRETENDED, lambda asked: asked.method == "DELETE"),
    "sockets.closed_under_way": (PRETENDED, lambda asked: asked.method == "DELETE"),
    "import_selector_cache.epoch_ms": (
        INVALID,
        lambda asked: b'"createdAt":"' not in asked.body,
    ),
}
"""Check → what is said instead, and to whom."""


def _in_place_of(status: int, other: Said):
    return lambda _asked, said: other if said.status == status else said


def _renamed(name: bytes, other: bytes):
    return lambda _asked, said: Said(said.status, said.body.replace(name, other))


CHANGES = {
    "health.ok": lambda asked, said: Said(503, b"{}") if asked.path == "/health" else said,
    "health.without_key": lambda asked, said: said if "x-api-key" in asked.headers else AUTH,
    "auth.key_taken": lambda _asked, _said: AUTH,
    "auth.either_header": lambda asked, said: (
        AUTH if "authorization" in asked.headers else said
    ),
    "auth.no_key": _in_place_of(401, _refusal(403, "CLOUD_AUTH_FAILED")),
    "auth.wrong_key": _in_place_of(401, INVALID),
    "get_session.unknown": _in_place_of(404, INVALID),
    "get_run.unknown": _in_place_of(404, INVALID),
    "get_run_logs.unknown": _in_place_of(404, INVALID),
    "errors.body": _renamed(b'"error"', b'"message"'),
    "create_session.invalid": _in_place_of(400, _refusal(422, "CLOUD_CONFIG_INVALID")),
    "create_session.contract_mismatch": _in_place_of(409, INVALID),
    "create_session.answer": _renamed(b"cdpToken", b"cdptoken"),
    "create_session.key_reused": _in_place_of(422, INVALID),
    "create_session.in_flight": _in_place_of(409, INVALID),
    "queue_run.key_reused": _in_place_of(422, INVALID),
    "queue_run.answer": _renamed(b'"links"', b'"link"'),
    "queue_run.links": _renamed(b'/logs"', b'/log"'),
    "get_session.answer": lambda asked, said: (
        Said(200, b"{}") if asked.method == "GET" else said
    ),
    "get_run.status": _renamed(b'"status":"', b'"status":"un'),
    "get_run_logs.bounds": _in_place_of(400, _refusal(404, "CLOUD_CONFIG_INVALID")),
    "get_run_logs.limit": lambda asked, said: (
        Said(200, b'{"logs": [{}, {}, {}]}') if "logLimit" in asked.path else said
    ),
    "delete_session.again": _in_place_of(410, INVALID),
    "import_selector_cache.again": lambda _asked, said: (
        INVALID if b'"skipped":1' in said.body else said
    ),
}
"""Check → how its answers are changed."""

ASKS = {
    "create_session.at_once": lambda asked: asked._replace(
        headers={n: v for n, v in asked.headers.items() if n != "idempotency-key"}
    ),
}
"""Check → how its requests are changed: as by a target that does not look at it."""

SLOW = {"create_session.in_flight": {"latency": {"create_session": "300ms"}}}
"""Check → settings of the stand-in without which there is no occasion to see it."""


def _takes_any_frame(text: bytes) -> bytes:
    told = json.loads(text)
    if told.get("code") != "CLOUD_AUTH_FAILED":
        return text
    return json.dumps({"id": told["id"], "ok": True, "result": []}).encode()


FRAMES = {
    "action.frame_token": _takes_any_frame,
    "action.unsupported_method": lambda text: text.replace(
        b"CLOUD_UNSUPPORTED_METHOD", b"CLOUD_CONFIG_INVALID"
    ),
}
"""Check → how texts that come over its socket are changed; no other check minds."""


def _another_run(told: dict[str, Any]) -> None:
    told["data"]["run"]["id"] += "x"


def _nameless(told: dict[str, Any]) -> None:
    del told["id"]


HOOKS = [
    (_another_run, {"webhook.body"}),
    (_nameless, {"webhook.body", "webhook.redelivered"}),
]
"""How webhooks are changed before they are signed, and which of their checks mind."""


def named() -> set[str]:
    """Every check that one of these tables breaks."""
    found = {LEAKS} | {name for name, _, _ in SETTINGS}
    for table in (INSTEAD, CHANGES, ASKS, FRAMES):
        found |= table.keys()
    for _, failing in [*LIES, *FAILURES, *HOOKS]:
        found |= failing
    return found
