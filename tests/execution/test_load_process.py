"""The load process as a child: what it leaves, what it says, what signals do to it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from rich.console import Console

from harness.errors import (
    NothingObservedError,
    StoppedEarlyError,
    StorageError,
    TargetError,
    UsageError,
)
from harness.execution.load_process import (
    SignalHandler,
    check_users,
    last_line,
    load_error,
    run_load,
)
from harness.plan.model import Plan


def run(folder, script, signals=None):
    """A shell script as the load process: its exit status."""
    return run_load(
        ["/bin/sh", "-c", script],
        folder / "spec.json",
        folder / "load.log",
        signals or SignalHandler(),
        Console(file=io.StringIO()),
        print,
    )


def is_alive(pid):
    """Whether the process runs, and is no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123  plain
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("end", ["exit 7", "kill -9 $$"])
def test_what_the_load_process_started_ends_with_it(tmp_path, end):
    """A leader that ends or is killed leaves no worker behind that would go on loading."""
    pid = tmp_path / "pid"
    status = run(tmp_path, f"sleep 60 & echo $! > {pid}; {end}")
    deadline_s = time.monotonic() + 5
    while is_alive(pid.read_text().strip()) and time.monotonic() < deadline_s:
        time.sleep(0.02)

    assert {"exit 7": 7, "kill -9 $$": -9}[end] == status
    assert not is_alive(pid.read_text().strip())


def test_the_first_signal_stops_and_the_second_kills(tmp_path):
    """A load process that does not listen is ended by the second Ctrl-C."""
    signals, ready = SignalHandler(), tmp_path / "ready"

    def press_twice():
        while not ready.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        while not (tmp_path / "asked").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    presses = threading.Thread(target=press_twice)
    presses.start()
    script = f"trap 'touch {tmp_path}/asked' TERM; touch {ready}; while :; do sleep 0.05; done"
    with signals.installed():
        status = run(tmp_path, script, signals)
    presses.join()

    assert 2 == signals.count
    assert -signal.SIGKILL == status


def test_a_signal_before_the_load_ends_everything_at_once():
    """There is nothing to end in order yet, and nothing to keep."""
    signals = SignalHandler()
    with signals.installed(), pytest.raises(StoppedEarlyError, match="before the load"):
        signal.raise_signal(signal.SIGTERM)

    assert 130 == StoppedEarlyError.exit_code
    assert signal.getsignal(signal.SIGTERM) is not signals


def test_a_signal_after_the_load_changes_nothing(tmp_path):
    """What is left then is short: closing and writing; it is counted and no more."""
    signals = SignalHandler()
    with signals.installed():
        status = run(tmp_path, "exit 0", signals)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    assert 0 == status
    assert 2 == signals.count


@pytest.mark.parametrize(("status", "kind"), [(2, UsageError), (3, TargetError), (4, StorageError)])
def test_a_refusal_is_shown_completely_and_once(tmp_path, status, kind):
    """Several processes say the same, and a plan may be wrong in several places."""
    log = tmp_path / "load.log"
    log.write_text("harness: one\nharness: two\nsomething else\nharness: one\n")
    found = load_error(log, status)

    assert kind is type(found)
    assert "one\ntwo" == str(found)


def test_a_crash_before_the_trial_shows_its_last_line(tmp_path):
    """A status of its own, and the end of a log however long it is."""
    log = tmp_path / "load.log"
    log.write_text("harness: no refusal of ours\n" + "x" * 200_000 + "\nKeyError: 'a'\n\n")

    assert "the load process ended with 1: KeyError: 'a'" == str(load_error(log, 1))
    assert "it printed nothing" == last_line(tmp_path / "absent.log")


def test_locusts_own_variables_do_not_reach_the_load(tmp_path, monkeypatch):
    """A run time of another use of Locust would end the plan at once."""
    monkeypatch.setenv("LOCUST_RUN_TIME", "1s")
    monkeypatch.setenv("KEPT", "yes")
    run(tmp_path, "env")
    said = (tmp_path / "load.log").read_text().splitlines()

    assert "KEPT=yes" in said
    assert not [line for line in said if line.startswith("LOCUST_RUN_TIME")]


def test_a_killed_load_process_is_not_a_usage_error(tmp_path):
    """4 and not 2: nothing was observed."""
    killed = load_error(tmp_path / "absent.log", -9)

    assert NothingObservedError is type(killed)
    assert "killed by SIGKILL before its load began" in str(killed)


def test_a_worker_without_a_user_is_refused():
    """Its arrivals would never begin."""
    plan = Plan.model_validate({"load": {"users": 2}})
    check_users(plan, 2, "--processes 2")

    with pytest.raises(UsageError, match=r"--processes 3: 2 users are too few.*--users 3"):
        check_users(plan, 3, "--processes 3")


def test_sigterm_ends_a_command_as_ctrl_c_does():
    """With 130, whatever it is at, and without a traceback."""
    script = (
        "import os, signal, sys, time, types\n"
        "from harness.cli import commands, main\n"
        "def slow():\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    time.sleep(20)\n"
        "sys.modules['slow'] = types.SimpleNamespace(command=slow)\n"
        "commands.COMMANDS['doctor'] = commands.Entry('slow:command', 'slow')\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, "doctor"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (130, "") == (ended.returncode, ended.stderr)
