"""The proxy as a process: its configuration, its start signal, its end."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from harness.errors import HarnessError, NothingObservedError
from harness.faults.launch import FaultProxy
from harness.faults.spec import parse_fault


class Handler(BaseHTTPRequestHandler):
    """Answers every GET with two bytes."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """Answer."""
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def target():
    """Base URL of a small server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def get(url):
    """The body of an answer, or the error's name."""
    parts = urlsplit(url)
    link = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
    try:
        link.request("GET", "/")
        return link.getresponse().read()
    except (http.client.HTTPException, OSError) as error:
        return type(error).__name__
    finally:
        link.close()


def is_gone(pid, within_s=5.0):
    """Whether the process has ended, or is only waited for."""
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123  plain
                if stat.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_nothing_is_injected_before_the_start_signal(target, tmp_path):
    """The preflight passes, faults are injected into the load and logged, the process ends."""
    events_path = tmp_path / "events.jsonl"
    specs = [parse_fault("response-lost")]
    with FaultProxy(target, specs, seed=7, events_path=events_path) as proxy:
        pid = proxy.pid
        before = get(proxy.url)
        proxy.begin()
        after = get(proxy.url)
    events = [json.loads(line) for line in events_path.read_text().splitlines()]

    assert (b"ok", "RemoteDisconnected") == (before, after)
    assert ["start", "hit", "end"] == [event["data"]["edge"] for event in events]
    assert {"fault"} == {event["kind"] for event in events}
    assert abs(events[1]["time_ns"] - time.time_ns()) < 60 * 10**9
    assert is_gone(pid)


def test_it_dies_with_its_parent(target):
    """A parent that is killed leaves no proxy behind."""
    script = (
        "import sys, time\n"
        "from harness.faults.launch import FaultProxy\n"
        "proxy = FaultProxy(sys.argv[1], [])\n"
        "proxy.start()\n"
        "print(proxy.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, target], stdout=subprocess.PIPE, text=True
    ) as parent:
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()

        assert is_gone(pid)


def test_ctrl_c_at_the_terminal_does_not_reach_it(target):
    """Load that is ending still needs the target."""
    with FaultProxy(target, []) as proxy:
        group = os.getpgid(proxy.pid)

    assert group != os.getpgid(0)


@pytest.mark.parametrize("upstream", ["ftp://127.0.0.1:1", "127.0.0.1:1", "http://h:99999999"])
def test_a_wrong_upstream_is_one_line(upstream):
    """The error has the process's message; the process has ended."""
    proxy = FaultProxy(upstream, [])

    with pytest.raises(HarnessError, match="not an http or https URL"):
        proxy.start()
    assert 0 == proxy.pid


def test_launching_loads_no_web_framework():
    """The harness can launch it under gevent: it imports no asyncio and no starlette."""
    program = (
        "import sys, harness.faults.launch\n"
        "print(sorted({'asyncio', 'uvloop', 'starlette', 'httptools'} & set(sys.modules)))"
    )

    seen = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert "[]" == seen.stdout.strip()


def test_a_target_that_is_down_looks_down():
    """The proxy makes up no response."""
    with FaultProxy("http://127.0.0.1:9", []) as proxy:
        seen = get(proxy.url)

    assert seen in ("ConnectionResetError", "RemoteDisconnected")


def test_a_process_that_died_is_told_as_that():
    """Unsent input is no error, not even while its pipes are closed."""
    proxy = FaultProxy("http://127.0.0.1:1", [])
    proxy.start()
    os.kill(proxy.pid, signal.SIGKILL)
    time.sleep(0.2)
    assert proxy.has_died
    with pytest.raises(NothingObservedError, match="did not begin: it ended without a message"):
        proxy.begin()
    assert 0 == proxy.pid
