"""`harness conform`, as a user runs it: what it prints, and its exit code."""

from __future__ import annotations

import re
import signal
import socket
import time

import pytest
from junitparser import JUnitXml

from harness.conformance.suite import CASES
from harness.standin.config import Lies, StandinConfig
from harness.standin.launch import Standin
from tests.e2e.conftest import KEY, Command

pytestmark = pytest.mark.trial
RUNS = {"run_wait": "1ms", "run_duration": "5ms"}


@pytest.fixture
def harness(tmp_path) -> Command:
    """The command, in its own folder."""
    return Command(tmp_path)


def test_the_embedded_stand_in_conforms(harness):
    """Only TAP on stdout, one line per case; exit 0."""
    only = ("--only", "*_session.*", "--only", "health.ok")
    ended = harness("conform", "--destructive", "--ours", "--fill", "30", *only)

    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert lines[0] == "TAP version 13"
    wanted = [c.name for c in CASES if re.match(r"\w+_session\.|health\.ok", c.name)]
    assert lines[1] == f"1..{len(wanted)}"
    # Whether a create arrives while another is in progress depends on timing.
    results = [line.partition(" # SKIP the target finished")[0] for line in lines[2:]]
    assert results == [f"ok {n} - {name}" for n, name in enumerate(wanted, 1)]


def test_a_lie_is_exit_1_and_a_failure_in_junit(harness):
    """The failure names the statement and what was seen; the key is nowhere."""
    config = StandinConfig(api_keys=(KEY,), lies=Lies(duplicate_session_id=1.0), **RUNS)
    with Standin(config) as standin:
        ended = harness(
            "conform", "--host", standin.url, "--destructive", "--only", "create_session.*",
            "--format", "junit", "--out", "conform.xml",
        )  # fmt: skip

    assert ended.code == 1
    assert ended.out == ""
    document = JUnitXml.fromfile(str(harness.folder / "conform.xml"))
    assert (document.failures, document.errors) == (2, 0)
    assert "same sessionId" in (harness.folder / "conform.xml").read_text()
    assert KEY not in (harness.folder / "conform.xml").read_text() + ended.err


def test_a_failure_in_tap_shows_what_was_seen(harness):
    """A YAML block below the line."""
    config = StandinConfig(api_keys=(KEY,), fail={"create_session:CLOUD_LAUNCH_FAILED": 1.0})
    with Standin(config) as standin:
        ended = harness(
            "conform", "--host", standin.url, "--destructive", "--only", "create_session.answer"
        )

    assert ended.code == 1
    assert "not ok 1 - create_session.answer\n  ---\n  states: " in ended.out
    assert "CLOUD_LAUNCH_FAILED" in ended.out


@pytest.mark.parametrize(
    ("args", "code", "word"),
    [
        (("--host", "http://127.0.0.1:9"), 3, "cannot be reached"),
        (("--only", "nothing.such"), 2, "--list"),
        (("--format", "yaml"), 2, "'tap', 'junit'"),
        (("--patience", "0"), 2, "--patience"),
        (("--host", "http://api.example"), 2, "--allow-host"),
        (("--fill", "-1"), 2, "--fill"),
        (("--webhook-url", "ftp://hooks.example"), 2, "http or https"),
        (("--webhook-url", "https://hooks.example"), 2, "--webhook-listen"),
        (("--webhook-listen", "here"), 2, "HOST:PORT"),
    ],
)
def test_a_mistake_is_one_line(harness, args, code, word):
    """What, where, and what to do."""
    ended = harness("conform", *args)

    assert (ended.code, ended.out) == (code, "")
    assert word in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_webhooks_arrive_at_a_given_address(harness):
    """The listening address and the URL for the target are independent."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Standin(StandinConfig(api_keys=(KEY,), **RUNS)) as standin:
        ended = harness(
            "conform", "--host", standin.url, "--destructive", "--only", "webhook.signed",
            "--webhook-listen", str(port), "--webhook-url", f"http://127.0.0.1:{port}/in/",
        )  # fmt: skip

    assert (ended.code, ended.out.splitlines()[2:]) == (0, ["ok 1 - webhook.signed"]), ended.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_closes_its_session(harness, number):
    """Exit 130, and no session stays open."""
    latency = {"get_session": "lognormal(1500ms,0.01)"}
    with Standin(StandinConfig(api_keys=(KEY,), latency=latency)) as standin:
        process = harness.start(
            "conform", "--host", standin.url, "--destructive", "--only", "get_session.answer"
        )
        deadline_s = time.monotonic() + 60
        while not standin.truth()["sessions"]["open"]:
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
        process.send_signal(number)
        ended = harness.wait(process)
        truth = standin.truth()

    assert ended.code == 130, ended.err
    assert (truth["sessions"]["created"], truth["sessions"]["open"]) == (1, 0)


def test_a_refused_key_is_exit_3(harness):
    """The preflight reports it."""
    with Standin(StandinConfig(api_keys=("osk_another",))) as standin:
        ended = harness("conform", "--host", standin.url)

    assert ended.code == 3
    assert "refuses the API key" in ended.err


def test_the_list_has_every_case_and_sends_nothing(harness):
    """One line per case."""
    ended = harness("conform", "--list", "--host", "http://127.0.0.1:9")

    assert ended.code == 0
    assert [line.split()[0] for line in ended.out.splitlines()] == [c.name for c in CASES]
