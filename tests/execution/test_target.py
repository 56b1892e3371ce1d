"""What is said of a target before any load."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.client.recorder import Recorder
from harness.errors import TargetError
from harness.execution.target import preflight
from harness.wire import Target

BODIES = {
    200: b"{}",
    301: b"",
    401: b'{"error": "no", "code": "CLOUD_AUTH_FAILED"}',
    404: b'{"error": "no", "code": "CLOUD_SESSION_NOT_FOUND"}',
    429: b'{"error": "no", "code": "CLOUD_RATE_LIMITED"}',
    500: b'{"error": "no", "code": "CLOUD_INTERNAL_ERROR"}',
}


@pytest.fixture
def ask():
    """A preflight of a server with these answers to /health and to a session's id."""
    servers = []

    def run(health: int, session: int, *, key_matters: bool = True) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status = health if self.path == "/health" else session
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(BODIES[status])))
                self.end_headers()
                self.wfile.write(BODIES[status])

            def log_message(self, *_args: object) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        target = Target(f"http://127.0.0.1:{servers[-1].server_port}")
        return preflight(target, Recorder(), key_matters=key_matters)

    yield run
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("session", "unconfirmed"), [(404, ""), (429, "rate_limited"), (500, "server_error")]
)
def test_only_an_answer_of_the_api_says_that_the_key_is_taken(ask, session, unconfirmed):
    """A limiter or a broken service may stand before the look at the key."""
    assert unconfirmed == ask(200, session)


def test_a_health_that_wants_a_key_says_that_somebody_is_there(ask):
    """The key is judged where it is sent; the rate-limit lab sends none before its probes."""
    assert "" == ask(401, 404)
    assert "" == ask(401, 404, key_matters=False)
    with pytest.raises(TargetError, match="refuses the API key"):
        ask(401, 401)


def test_a_redirect_is_named(ask):
    """It is never followed: the key would go where nobody sent it."""
    with pytest.raises(TargetError, match=r"a redirect \(301\)"):
        ask(301, 404)
