"""Targets that break one statement each: a relay before the stand-in refuses or rewrites."""

from __future__ import annotations

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from harness.conformance.suite import CHECKS

_HEADERS = ("x-api-key", "authorization", "idempotency-key", "content-type")


class Asked(NamedTuple):
    """A request that came to the relay."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Said(NamedTuple):
    """An answer."""

    status: int
    body: bytes


class Relay:
    """
    Passes requests on to a stand-in.

    Attributes:
        instead: asked → what is said instead of passing it on; None passes it on.
        changes: (asked, said) → what is said.
    """

    def __init__(self, url: str) -> None:
        relay = self
        self._place = urlsplit(url)
        self.withheld: list[Asked] = []
        self.answer_truly()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _relay(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                given = {n: self.headers[n] for n in _HEADERS if n in self.headers}
                asked = Asked(self.command, self.path, given, body)
                said, wait = relay.instead(asked), None
                if said is None:
                    said, wait = relay.pass_on(asked)
                    said = relay.changes(asked, said)
                else:
                    relay.withheld.append(asked)
                self.send_response(said.status)
                self.send_header("content-length", str(len(said.body)))
                if wait:
                    self.send_header("retry-after", wait)
                self.end_headers()
                self.wfile.write(said.body)

            do_GET = do_POST = do_DELETE = do_PUT = _relay

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def pass_on(self, asked: Asked) -> tuple[Said, str | None]:
        """The stand-in's answer, and its Retry-After."""
        place = self._place
        upstream = http.client.HTTPConnection(place.hostname, place.port, timeout=20)
        upstream.request(asked.method, asked.path, asked.body or None, asked.headers)
        answer = upstream.getresponse()
        said = Said(answer.status, answer.read())
        upstream.close()
        return said, answer.headers.get("retry-after")

    def answer_truly(self) -> None:
        """Pass everything on as it is, and every deletion that was withheld."""
        self.instead = lambda _asked: None
        self.changes = lambda _asked, said: said
        for asked in self.withheld:
            if asked.method == "DELETE":
                self.pass_on(asked)
        self.withheld.clear()


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


@pytest.fixture(scope="module")
def relay(stage):
    """One for all."""
    relay = Relay(stage.standin.url)
    yield relay
    relay.server.shutdown()
    relay.server.server_close()


@pytest.mark.parametrize("name", sorted(INSTEAD.keys() | CHANGES.keys()))
def test_a_broken_statement_fails_its_check(stage, relay, name):
    """The relay alone changes no verdict; with the contradiction the check fails."""
    relay.answer_truly()
    honest, _ = stage.sit((name,), host=relay.url)
    if name in INSTEAD:
        said, to = INSTEAD[name]
        relay.instead = lambda asked: said if to(asked) else None
    relay.changes = CHANGES.get(name, relay.changes)
    found, _ = stage.sit((name,), host=relay.url, patience_s=0.3, truly=relay.answer_truly)

    assert honest[name][0] == "pass", honest
    assert found[name][0] == "fail", found


def test_every_contradiction_is_of_a_check():
    """A renamed check would be tried no longer."""
    assert INSTEAD.keys() | CHANGES.keys() <= {check.name for check in CHECKS}
