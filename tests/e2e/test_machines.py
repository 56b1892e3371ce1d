"""A master and workers that know each other by address only, as on several machines."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time

import psutil
import pytest

from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from tests.e2e.conftest import (
    KEY,
    Command,
    outcomes_of_summary,
    outcomes_of_truth,
    summary_of,
)

RATE = 60


def start_all(
    harness: Command, url: str, workers: int, duration: str, come: int | None = None
) -> tuple:
    """A master, and its workers, or those of them that come."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    master = harness.start(
        "run", "session_churn", "--host", url, "--master", str(workers), "--bind", address,
        "--duration", duration, "--rate", str(RATE), "--out", "trial",
    )  # fmt: skip
    return master, [
        harness.start(
            "run", "session_churn", "--host", url, "--worker", address, "--out", f"own-{n}"
        )
        for n in range(workers if come is None else come)
    ]


def created(standin: Standin) -> int:
    """Sessions opened so far."""
    return standin.truth()["sessions"]["created"]


def wait_for_sessions(standin: Standin, count: int) -> None:
    """Until so many sessions were opened."""
    deadline = time.monotonic() + 60
    while created(standin) < count:
        assert time.monotonic() < deadline, "the load never came"
        time.sleep(0.05)


def load_of(process: subprocess.Popen[str]) -> int:
    """The pid of a command's generator."""
    children = psutil.Process(process.pid).children()
    return next(c.pid for c in children if "locust" in " ".join(c.cmdline()))


def requests_made(standin: Standin) -> int:
    """Requests answered so far."""
    rows = standin.truth()["requests"].values()
    return sum(sum(row["by_status"].values()) for row in rows)


def wait_for_silence(standin: Standin) -> None:
    """Until no request has come for a second: whoever could send has sent its share."""
    deadline, quiet_since, before = time.monotonic() + 60, time.monotonic(), -1
    while time.monotonic() < quiet_since + 1:
        assert time.monotonic() < deadline, "the load never ended"
        if (made := requests_made(standin)) != before:
            quiet_since, before = time.monotonic(), made
        time.sleep(0.05)


def test_two_workers_make_one_trial_though_one_stands_still_for_seconds(
    harness: Command,
) -> None:
    """The master's record holds every attempt of both, by its plan: what is late is waited for."""
    with Standin(StandinConfig(api_keys=(KEY,))) as standin:
        master, workers = start_all(harness, standin.url, 2, "5s")
        wait_for_sessions(standin, 2 * RATE)
        late = load_of(workers[0])
        os.kill(late, signal.SIGSTOP)
        try:
            wait_for_silence(standin)
        finally:
            os.kill(late, signal.SIGCONT)
        ended = harness.wait(master)
        codes = [harness.wait(worker).code for worker in workers]
        truth = standin.truth()
    summary = summary_of(harness.folder / "trial")

    assert ended.code in {0, 1, 4}, ended.err
    assert codes == [0, 0]
    assert outcomes_of_truth(truth) == outcomes_of_summary(summary)
    assert truth["sessions"]["open"] == 0
    assert [(w["worker"], w["state"]) for w in summary["workers"]] == [
        ("w0", "drained"),
        ("w1", "drained"),
    ]
    assert min(w["attempts"] for w in summary["workers"]) > RATE
    assert summary["totals"]["late_starts"] > RATE / 4, "it never stood still"


def test_lost_workers_are_named_and_only_their_last_batches_are_missing(
    harness: Command,
) -> None:
    """
    One is killed, one stands still for good: the summary says which were lost; what they had
    handed in before is in the record.
    """
    with Standin(StandinConfig(api_keys=(KEY,))) as standin:
        master, workers = start_all(harness, standin.url, 3, "6s")
        wait_for_sessions(standin, 3 * RATE)
        killed, stopped = map(load_of, workers[:2])
        os.kill(killed, signal.SIGKILL)
        os.kill(stopped, signal.SIGSTOP)
        ended = harness.wait(master)
        made = requests_made(standin)
        os.kill(stopped, signal.SIGKILL)
        codes = [harness.wait(worker).code for worker in workers]
        truth = standin.truth()
    summary = summary_of(harness.folder / "trial")

    assert ended.code in {1, 4}, ended.err
    assert codes == [3, 3, 0]
    assert sorted(w["state"] for w in summary["workers"]) == ["drained", "lost", "lost"]
    assert summary["state"] == "interrupted"
    assert truth["sessions"]["open"] == 0, "a lost worker's ledger was not swept"
    # Its batches leave once a second, and its own sweep is not the master's to record: three
    # attempts an arrival, two thirds of the load, and some seconds of slack for a slow machine.
    assert 0 <= made - summary["totals"]["attempts"] <= 3 * 3 * RATE * 2 / 3 + RATE
    lost = [w["attempts"] for w in summary["workers"] if w["state"] == "lost"]
    assert min(lost) > RATE / 3


def test_a_master_says_for_whom_it_waits_and_can_be_stopped(harness: Command) -> None:
    """A load that never began took no time, and is not known to be good."""
    with Standin(StandinConfig(api_keys=(KEY,))) as standin:
        master, _ = start_all(harness, standin.url, 2, "5s", come=0)
        told = iter(master.stderr.readline, "")
        waiting = next(line for line in told if "waiting" in line)
        master.send_signal(signal.SIGINT)
        ended = harness.wait(master)
    summary = summary_of(harness.folder / "trial")

    assert "waiting for workers: 0 of 2" in waiting
    assert ended.code == 130
    assert (summary["verdict"], summary["duration_s"]) == ("unknown", 0.0)
    assert "the trial was stopped before its load began" in [
        f["detail"] for f in summary["findings"]
    ]


def test_a_worker_of_another_scenario_is_sent_away_and_the_trial_ends(
    harness: Command,
) -> None:
    """It says what to start instead; the master goes on without it, and names it."""
    with Standin(StandinConfig(api_keys=(KEY,))) as standin:
        master, (one,) = start_all(harness, standin.url, 2, "4s", come=1)
        address = one.args[-3]
        other = harness.start(
            "run", "cache_import", "--host", standin.url, "--worker", address, "--out", "own-x"
        )
        sent_away, _, ended = map(harness.wait, (other, one, master))
    summary = summary_of(harness.folder / "trial")

    assert (2, True) == (sent_away.code, "start it with session_churn" in sent_away.err)
    assert 4 == ended.code
    assert ["trial.complete"] == [
        f["name"] for f in summary["findings"] if "ended unexpectedly" in f["detail"]
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--master", "2"), "--host"),
        (("--worker", "127.0.0.1:5557"), "--host"),
        (("--worker", "a b:1", "--host", "http://127.0.0.1:9"), "HOST:PORT"),
        (("--master", "0", "--host", "http://127.0.0.1:9"), "1 to 1000"),
        (("--master", "2", "--processes", "2", "--host", "http://127.0.0.1:9"), "--processes"),
        (
            ("--master", "2", "--fault", "latency", "--host", "http://127.0.0.1:9"),
            "faults",
        ),
    ],
)
def test_a_mistake_is_one_line(harness: Command, options, words) -> None:
    """What cannot be is told before anything is sent."""
    ended = harness("run", "cache_import", *options)

    assert (2, 1) == (ended.code, len(ended.err.strip().splitlines())), ended.err
    assert words in ended.err
