"""
Whatever cuts a trial off, no session is left open and the report is written.

`test_truth.py`, `test_codes.py` and `test_sockets.py` check it after an ordinary end.
"""

from __future__ import annotations

import os
import signal
import time

import psutil
import pytest

from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from tests.e2e.conftest import KEY, Command, interrupt, summary_of

SLOW = StandinConfig(api_keys=(KEY,), launch_s=0.5, latency={"*": "uniform(5ms,30ms)"})


@pytest.mark.parametrize("processes", ["1", "2"])
def test_an_interrupted_trial_leaves_no_session_open(harness: Command, processes: str) -> None:
    """Ctrl-C in the middle closes the sessions, writes the report, and exits with 130."""
    with Standin(SLOW) as standin:
        process = harness.start(
            "run", "session_churn", "--host", standin.url, "--duration", "60s", "--rate", "40",
            "--processes", processes, "--out", "trial",
        )  # fmt: skip
        _wait_for_sessions(standin)
        interrupt(process, 1.0)
        ended = harness.wait(process)
        truth = standin.truth()

    assert ended.code == 130, ended.err
    assert truth["sessions"]["open"] == 0
    assert (harness.folder / "trial" / "report.html").is_file()
    summary = summary_of(harness.folder / "trial")
    assert summary["state"] == "interrupted"  # no baseline can be made of it
    assert summary["totals"]["attempts"] == sum(
        sum(counts["by_status"].values()) for counts in truth["requests"].values()
    )


def test_a_killed_load_process_leaves_no_session_open(harness: Command) -> None:
    """When the load process is killed, its ledger is read and its sessions are closed."""
    with Standin(SLOW) as standin:
        process = harness.start(
            "run", "session_churn", "--host", standin.url, "--duration", "60s", "--rate", "40",
            "--out", "trial",
        )  # fmt: skip
        _wait_for_sessions(standin)
        time.sleep(1.5)
        for child in psutil.Process(process.pid).children():
            if "locust" in " ".join(child.cmdline()):
                os.kill(child.pid, signal.SIGKILL)
        ended = harness.wait(process)
        truth = standin.truth()

    summary = summary_of(harness.folder / "trial")

    assert ended.code in {1, 4}, ended.err
    assert truth["sessions"]["open"] == 0
    assert summary["verdict"] != "pass"


def test_a_load_whose_command_is_killed_ends_by_itself(harness: Command) -> None:
    """Nobody is left to stop it: it closes its sessions and goes, long before its plan ends."""
    with Standin(SLOW) as standin:
        process = harness.start(
            "run", "session_churn", "--host", standin.url, "--duration", "300s", "--rate", "20",
            "--out", "trial",
        )  # fmt: skip
        _wait_for_sessions(standin)
        load = [
            child
            for child in psutil.Process(process.pid).children()
            if "locust" in " ".join(child.cmdline())
        ]
        process.kill()
        process.communicate(timeout=30)
        gone, alive = psutil.wait_procs(load, timeout=60)
        truth = standin.truth()

    assert len(gone) == 1
    assert not alive
    assert truth["sessions"]["open"] == 0


def _wait_for_sessions(standin: Standin) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if standin.truth()["sessions"]["created"] > 10:
            return
        time.sleep(0.1)
    raise AssertionError("no session was ever created")
