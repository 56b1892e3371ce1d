"""A target with a prefix in its base URL, behind the fault proxy: it is asked as without one."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.e2e.conftest import Command, summary_of

NOT_FOUND = "CLOUD_SESSION_NOT_FOUND"
ASKED: set[tuple[str, str]] = set()
"""Paths and hosts of the imports that were asked for."""


class UnderPrefix(BaseHTTPRequestHandler):
    """An API of two operations under /v1; what it is asked elsewhere is unknown."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """The health check; no session is known."""
        is_health = self.path == "/v1/health"
        told = {"status": "ok"} if is_health else {"error": "no", "code": NOT_FOUND}
        self.answer(200 if is_health else 404, told)

    def do_POST(self):
        """An import."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        number = len(body["entries"])
        ASKED.add((self.path, self.headers["host"]))
        counts = {"imported": number, "inserted": number, "updated": 0, "skipped": 0}
        self.answer(200, counts)

    def answer(self, status, document):
        """Send JSON."""
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def base_url():
    """Where it listens, by a name."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), UnderPrefix)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def test_prefix_and_host_are_the_targets_behind_a_fault(harness: Command, base_url, tmp_path):
    """Every import was answered ok, and asked for under /v1 of the host that was named."""
    ended = harness(
        "run", "cache_import", "--host", base_url, "--rate", "20", "--duration", "2s",
        "--fault", "latency:latency=1ms", "--out", "t",
    )  # fmt: skip
    outcomes = summary_of(tmp_path / "t")["operations"]["import_selector_cache"]["outcomes"]
    assert {"ok"} == {name for name, number in outcomes.items() if number}, ended.err
    place = base_url.removeprefix("http://").removesuffix("/v1")
    assert {("/v1/selector-cache/import", place)} == ASKED
    events = (tmp_path / "t" / "events.jsonl").read_text()
    assert '"edge":"hit"' in events
