"""
The stand-in under a client as strict as the SDK: every field that it demands, by hand.

Nothing of the harness's own reading is used here: httpx and websocket-client, and the
SDK's rules written down as plain assertions.
"""

from __future__ import annotations

import base64
import json
import math

import httpx
import pytest

from tests.standin.conftest import ApiClient
from tests.standin.sockets.conftest import refusal

STATES = {"provisioning", "active", "closing", "closed", "failed"}
SOURCES = {"agent-thread", "agent-run", "project-agent-run", "local-cloud", "manual"}
FAILURES = {
    "TARGET_NOT_FOUND", "TARGET_UNAVAILABLE", "TARGET_STALE", "TARGET_AMBIGUOUS",
    "BLOCKED_BY_INTERCEPTOR", "NOT_VISIBLE", "NOT_ENABLED", "NOT_EDITABLE", "INVALID_TARGET",
    "INVALID_OPTIONS", "ACTION_TIMEOUT", "UNKNOWN",
}  # fmt: skip
CACHED_METHODS = (
    "click", "hover", "input", "select", "scroll", "getElementText", "getElementValue",
    "getElementAttributes", "getElementBoundingBox", "extract",
)  # fmt: skip
TARGET = {"description": "the submit button"}
LAUNCH = {
    "launchContext": {"origin": "sdk"},
    "launchConfig": {"browser": {}, "proxy": {}, "fingerprint": {}, "browserProfile": {}},
}


def is_string(found) -> bool:
    """A text, empty or not."""
    return isinstance(found, str)


def is_text(found) -> bool:
    """A text that is not empty."""
    return isinstance(found, str) and found != ""


def is_number(found) -> bool:
    """A finite number, and no boolean."""
    return isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)


def is_png(found) -> bool:
    """Base64 of a picture, without a data: prefix."""
    return is_text(found) and base64.b64decode(found, validate=True)[:4] == b"\x89PNG"


def is_done(found) -> bool:
    """What an interaction answers."""
    return found.keys() >= {"method", "namespace", "persisted", "pathFile"} and isinstance(
        found["persisted"], bool
    )


def is_state(found) -> bool:
    """URL, title and HTML of the page."""
    return all(isinstance(found[name], str) for name in ("url", "title", "html"))


def is_tabs(found) -> bool:
    """A list of tabs, one of them active, numbered from 0."""
    assert [tab["index"] for tab in found] == list(range(len(found)))
    assert sum(tab["active"] for tab in found) == 1
    return all(isinstance(tab["url"], str) and isinstance(tab["title"], str) for tab in found)


ACTIONS = [
    ("goto", {"url": "https://shop.example/"}, lambda found: found is None),
    ("state", {}, is_state),
    ("snapshot", {}, is_text),
    ("screenshot", {}, is_png),
    ("getHtml", {}, is_text),
    ("getTitle", {}, is_string),
    *((method, TARGET, is_done) for method in ("click", "dblclick", "rightclick", "hover", "scroll")),
    ("input", TARGET | {"text": "shoes"}, is_done),
    ("select", TARGET | {"value": "a"}, is_done),
    ("newTab", {"url": "https://shop.example/help"}, lambda _: True),
    ("tabs", {}, is_tabs),
    ("switchTab", {"index": 0}, lambda _: True),
    ("closeTab", {"index": 1}, lambda _: True),
    ("setCookie", {"name": "a", "value": "b", "url": "https://shop.example/"}, lambda _: True),
    ("getCookies", {}, lambda found: all(is_text(c["name"]) and "value" in c for c in found) and found),
    ("extract", {"description": "the list"}, lambda found: found is not None),
]  # fmt: skip


def is_session(found) -> None:
    """Demand of a cloudSession what the SDK demands."""
    assert is_text(found["sessionId"])
    assert is_text(found["workspaceId"])
    assert found["state"] in STATES
    assert is_number(found["createdAt"])
    assert found["createdAt"] > 1_600_000_000_000, "epoch milliseconds"
    assert found["sourceType"] in SOURCES
    for name in ("sourceRef", "label"):
        assert isinstance(found.get(name, ""), str)


def is_refusal(answer: httpx.Response, status: int, code: str) -> None:
    """{error, code, details?}, in JSON."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code)
    assert is_text(body["error"])
    assert body.keys() <= {"error", "code", "details"}


def test_create_session(honest):
    """Six non-empty strings, the session object, a number or nothing; two ws URLs."""
    answer = honest.create(**LAUNCH)
    made = answer.json()

    assert answer.is_success
    for name in (
        "sessionId", "actionWsUrl", "cdpWsUrl", "actionToken", "cdpToken", "cloudSessionUrl",
    ):  # fmt: skip
        assert is_text(made[name]), name
    is_session(made["cloudSession"])
    assert made["cloudSession"]["sessionId"] == made["sessionId"]
    assert "expiresAt" not in made or is_number(made["expiresAt"])
    for name, kind in (("actionWsUrl", "action"), ("cdpWsUrl", "cdp")):
        assert made[name].startswith(("ws://", "wss://"))
        assert made[name].endswith(f"/ws/{kind}/{made['sessionId']}")
    found = honest.get(made["sessionId"]).json()
    is_session(found["cloudSession"])
    assert "actionToken" not in json.dumps(found)
    gone = honest.delete(made["sessionId"])
    assert (gone.status_code, gone.content) == (204, b"")


@pytest.mark.parametrize(
    "name",
    ["cloudSessionContractVersion", "sourceType", "clientSessionHint", "localRunId"],
)
def test_all_four_fields_are_required(honest, name):
    """The SDK always sends them, and the API wants them."""
    body = ApiClient.session_body()
    del body[name]

    is_refusal(honest.http.post("/sessions", json=body), 400, "CLOUD_CONFIG_INVALID")


def test_the_bearer_scheme(honest):
    """`authorization: Bearer` is as good as `x-api-key`; without either, 401."""
    with httpx.Client(base_url=honest.standin.url, trust_env=False) as http:
        headers = {"authorization": "Bearer osk_test"}
        answer = http.post("/sessions", json=ApiClient.session_body(), headers=headers)

        assert answer.is_success
        is_refusal(http.post("/sessions", json=ApiClient.session_body()), 401, "CLOUD_AUTH_FAILED")
        session = f"/sessions/{answer.json()['sessionId']}"
        assert http.delete(session, headers=headers).is_success


def test_the_sdk_s_import_of_200_entries(honest):
    """Epoch milliseconds, hashes of 16 hex digits, each cached method, schemaHash."""
    entries = [
        ApiClient.entry(
            namespace="strict",
            method=CACHED_METHODS[n % len(CACHED_METHODS)],
            descriptionHash=f"{n:016x}",
            createdAt=1_735_689_600_000,
            updatedAt=1_735_689_600_000 + n,
            schemaHash=f"{n:016x}",
        )
        for n in range(200)
    ]
    answer = honest.load(*entries)

    assert answer.status_code == 200
    assert answer.json() == {"imported": 200, "inserted": 200, "updated": 0, "skipped": 0}


def test_every_result_of_the_action_socket(honest, dial):
    """{id, ok: true, result} with the result's form; ids count from 1."""
    created = honest.create().json()
    peer = dial(created)

    for number, (method, args, fits) in enumerate(ACTIONS, start=1):
        frame = peer.ask(method, args)
        assert frame.keys() == {"id", "ok", "result"}, (method, frame)
        assert (frame["id"], frame["ok"]) == (number, True)
        assert fits(frame["result"]), (method, frame["result"])
    assert peer.socket.getsubprotocol() is None


def test_a_failed_action_says_why(start, dial):
    """{id, ok: false, error, code, details.actionFailure} with the four members."""
    client = start(fail={"action:CLOUD_ACTION_FAILED": 1.0})
    peer = dial(client.create())
    for _ in range(20):
        frame = peer.ask("click", TARGET)
        failure = frame["details"]["actionFailure"]

        assert (frame["ok"], frame["code"]) == (False, "CLOUD_ACTION_FAILED")
        assert is_text(frame["error"])
        assert failure["code"] in FAILURES
        assert is_text(failure["message"])
        assert isinstance(failure["retryable"], bool)
        assert is_text(failure["classificationSource"])


def test_a_method_that_is_none(honest, dial):
    """CLOUD_UNSUPPORTED_METHOD, and the socket stays open."""
    peer = dial(honest.create())
    frame = peer.ask("teleport")

    assert (frame["id"], frame["ok"], frame["code"]) == (1, False, "CLOUD_UNSUPPORTED_METHOD")
    assert peer.ask("tabs")["ok"] is True


@pytest.mark.parametrize("kind", ["action", "cdp"])
def test_a_bad_token_is_refused_at_the_upgrade(honest, dial, kind):
    """HTTP 401, with the code; no greeting on a socket that opens."""
    created = honest.create().json()

    assert refusal(lambda: dial(created, kind, "nonsense")) == (401, "CLOUD_AUTH_FAILED")
    peer = dial(created, kind)
    peer.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        peer.socket.sock.recv(1)


def test_the_sdk_s_vocabulary_on_demand(start):
    """`vocabulary: sdk` gives the same refusals their SDK names."""
    client = start(vocabulary="sdk", max_sessions=1)
    client.create()

    is_refusal(client.create(), 503, "CLOUD_CAPACITY_EXHAUSTED")
    is_refusal(client.create(sourceType="nothing"), 400, "CLOUD_INVALID_REQUEST")
    is_refusal(client.create(cloudSessionContractVersion="v2"), 409, "CLOUD_CONTRACT_MISMATCH")
