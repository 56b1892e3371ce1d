"""`harness serve` and `harness doctor`, as a user runs them."""

from __future__ import annotations

import json
import signal
import socket
import urllib.request

from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from harness.standin.options import parse_failures
from tests.e2e.conftest import Command


def test_serve_listens_and_stops_clean(harness: Command) -> None:
    """It says where it listens, answers there, and SIGTERM ends it with 0."""
    process = harness.start("serve", "--port", "0", "--rate", "5", "--burst", "1")
    url = json.loads(process.stdout.readline())["listening"]
    with urllib.request.urlopen(url + "/health", timeout=10) as answer:
        status = answer.status
    process.send_signal(signal.SIGTERM)
    ended = harness.wait(process)

    assert status == 200
    assert ended.code == 0, ended.err


def test_serve_refuses_what_it_does_not_know(harness: Command) -> None:
    """A wrong setting is one line and exit 2."""
    ended = harness.in_subprocess("serve", "--fail", "CLOUD_NONSENSE=0.5")

    assert ended.code == 2
    assert "CLOUD_NONSENSE" in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_serve_names_the_state_file_it_cannot_use(harness: Command) -> None:
    """A file of something else, a folder, a folder that is not there: one line, no traceback."""
    (harness.folder / "junk").write_text("this is no database " * 50)
    for name in ("junk", ".", "absent/state"):
        ended = harness.in_subprocess("serve", "--port", "0", "--state", name)

        assert (2, 1) == (ended.code, len(ended.err.splitlines())), ended.err
        assert f"--state {name}: " in ended.err


def test_serve_names_the_port_that_is_taken(harness: Command) -> None:
    """And says what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = harness.in_subprocess("serve", "--port", port)

    assert (2, f"harness: --port {port}: Address already in use; 0 takes a free one\n") == (
        ended.code,
        ended.err,
    )


def test_doctor_sees_the_stand_in(harness: Command) -> None:
    """Without a host it looks at this machine and at its own stand-in."""
    ended = harness("doctor")

    assert ended.code == 0, ended.err
    assert "accepts the key" in ended.out


def test_doctor_says_what_is_missing(harness: Command) -> None:
    """A host where nobody listens is exit 3."""
    ended = harness("doctor", "--host", "http://127.0.0.1:9")

    assert ended.code == 3
    assert "cannot be reached" in ended.out


def test_doctor_does_not_claim_what_it_did_not_see(harness: Command) -> None:
    """An error to the question whether the key is known says neither yes nor no."""
    failing = parse_failures(["get_session:CLOUD_INTERNAL_ERROR=1"])
    with Standin(StandinConfig(fail=failing)) as standin:
        ended = harness("doctor", "--host", standin.url)

    assert ended.code == 0
    assert "server_error to get_session leaves open" in ended.out
    assert "answers and accepts the key" not in ended.out


def test_doctor_exits_with_the_code_of_a_mistake(harness: Command) -> None:
    """A host that is no URL is a 2, as of every command."""
    ended = harness("doctor", "--host", "localhost:1")

    assert (2, True) == (ended.code, "not an http:// or https:// URL" in ended.out)
