"""
Targets that break one statement, and the cases that detect it.

The tests go through these tables; together they name every case of the suite.
"""

from __future__ import annotations

import json
from typing import Any

from harness.standin.config import Lies
from tests.conformance.relays import RelayedResponse

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
"""Lies of the stand-in, and the cases that detect them."""

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
"""Failures of the stand-in, and cases that they break."""

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
"""Case, settings (of the stand-in and of the run) that fail it, words of its message."""

LEAKS = "create_session.capacity_full"
"""Fails where a deleted session makes no room; that spoils a stand-in for other tests."""


def _refusal(status: int, code: str) -> RelayedResponse:
    return RelayedResponse(status, json.dumps({"error": "no", "code": code}).encode())


INVALID = _refusal(400, "CLOUD_CONFIG_INVALID")
AUTH = _refusal(401, "CLOUD_AUTH_FAILED")
PRETENDED_SUCCESS = RelayedResponse(204, b"")

REPLACED_RESPONSES = {
    "create_session.without_key": (
        INVALID,
        lambda request: "idempotency-key" not in request.headers,
    ),
    "create_session.optional": (
        INVALID,
        lambda request: request.method == "POST" and b'"name"' not in request.body,
    ),
    "create_session.launch": (INVALID, lambda request: b"launchConfig" in request.body),
    "queue_run.any_input": (INVALID, lambda request: b"null" in request.body),
    "queue_run.without_key": (
        INVALID,
        lambda request: "idempotency-key" not in request.headers,
    ),
    "errors.method": (INVALID, lambda request: request.method == "PUT"),
    "delete_session.answer": (INVALID, lambda request: request.method == "DELETE"),
    "delete_session.closed": (PRETENDED_SUCCESS, lambda request: request.method == "DELETE"),
    "sockets.closed_session": (PRETENDED_SUCCESS, lambda request: request.method == "DELETE"),
    "sockets.closed_under_way": (PRETENDED_SUCCESS, lambda request: request.method == "DELETE"),
    "import_selector_cache.epoch_ms": (
        INVALID,
        lambda request: b'"createdAt":"' not in request.body,
    ),
}
"""Case → the response sent instead, and the requests that get it."""


def _in_place_of(status: int, other: RelayedResponse):
    return lambda _request, response: other if response.status == status else response


def _renamed(name: bytes, other: bytes):
    return lambda _request, response: RelayedResponse(
        response.status, response.body.replace(name, other)
    )


CHANGED_RESPONSES = {
    "health.ok": lambda request, response: (
        RelayedResponse(503, b"{}") if request.path == "/health" else response
    ),
    "health.without_key": lambda request, response: (
        response if "x-api-key" in request.headers else AUTH
    ),
    "auth.key_taken": lambda _request, _response: AUTH,
    "auth.either_header": lambda request, response: (
        AUTH if "authorization" in request.headers else response
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
    "get_session.answer": lambda request, response: (
        RelayedResponse(200, b"{}") if request.method == "GET" else response
    ),
    "get_run.status": _renamed(b'"status":"', b'"status":"un'),
    "get_run_logs.bounds": _in_place_of(400, _refusal(404, "CLOUD_CONFIG_INVALID")),
    "get_run_logs.limit": lambda request, response: (
        RelayedResponse(200, b'{"logs": [{}, {}, {}]}') if "logLimit" in request.path else response
    ),
    "delete_session.again": _in_place_of(410, INVALID),
    "import_selector_cache.again": lambda _request, response: (
        INVALID if b'"skipped":1' in response.body else response
    ),
}
"""Case → how its responses are changed."""

CHANGED_REQUESTS = {
    "create_session.at_once": lambda request: request._replace(
        headers={n: v for n, v in request.headers.items() if n != "idempotency-key"}
    ),
}
"""Case → how its requests are changed, as by a target that ignores a part of them."""

SLOW = {"create_session.in_flight": {"latency": {"create_session": "300ms"}}}
"""Case → settings of the stand-in that it needs to observe anything."""


def _takes_any_frame(text: bytes) -> bytes:
    message = json.loads(text)
    if message.get("code") != "CLOUD_AUTH_FAILED":
        return text
    return json.dumps({"id": message["id"], "ok": True, "result": []}).encode()


CHANGED_FRAMES = {
    "action.frame_token": _takes_any_frame,
    "action.unsupported_method": lambda text: text.replace(
        b"CLOUD_UNSUPPORTED_METHOD", b"CLOUD_CONFIG_INVALID"
    ),
}
"""Case → how texts from its socket are changed; no other case fails."""


def _another_run(message: dict[str, Any]) -> None:
    message["data"]["run"]["id"] += "x"


def _nameless(message: dict[str, Any]) -> None:
    del message["id"]


CHANGED_WEBHOOKS = [
    (_another_run, {"webhook.body"}),
    (_nameless, {"webhook.body", "webhook.redelivered"}),
]
"""How webhooks are changed before they are signed, and the cases that fail."""


def named() -> set[str]:
    """Every case that one of these tables breaks."""
    found = {LEAKS} | {name for name, _, _ in SETTINGS}
    for table in (REPLACED_RESPONSES, CHANGED_RESPONSES, CHANGED_REQUESTS, CHANGED_FRAMES):
        found |= table.keys()
    for _, failing in [*LIES, *FAILURES, *CHANGED_WEBHOOKS]:
        found |= failing
    return found
