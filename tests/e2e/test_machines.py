"""A master and workers that know each other by address only, as on several machines."""

from __future__ import annotations

import os
import signal
import socket
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

pytestmark = pytest.mark.trial
RATE = 60


def start_all(harness: Command, url: str) -> tuple:
    """A master of two workers, and the workers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    master = harness.start(
        "run", "session_churn", "--host", url, "--master", "2", "--bind", address,
        "--duration", "6s", "--rate", str(RATE), "--out", "trial",
    )  # fmt: skip
    workers = [
        harness.start(
            "run", "session_churn", "--host", url, "--worker", address, "--out", f"own-{n}"
        )
        for n in range(2)
    ]
    return master, workers


def created(standin: Standin) -> int:
    """Sessions opened so far."""
    return standin.truth()["sessions"]["created"]


def wait_for_sessions(standin: Standin, count: int) -> None:
    """Until so many sessions were opened."""
    deadline = time.monotonic() + 60
    while created(standin) < count:
        assert time.monotonic() < deadline, "the load never came"
        time.sleep(0.05)


def test_two_workers_make_one_trial(harness: Command) -> None:
    """The master's record holds every attempt of both, by the master's plan."""
    with Standin(StandinConfig(api_keys=(KEY,))) as standin:
        master, workers = start_all(harness, standin.url)
        ended = harness.wait(master)
        codes = [harness.wait(worker).code for worker in workers]
        truth = standin.truth()
    summary = summary_of(harness.folder / "trial")

    assert ended.code in {0, 4}, ended.err
    assert codes == [0, 0]
    assert outcomes_of_truth(truth) == outcomes_of_summary(summary)
    assert truth["sessions"]["open"] == 0
    assert [(w["worker"], w["state"]) for w in summary["workers"]] == [
        ("w0", "drained"),
        ("w1", "drained"),
    ]
    assert min(w["attempts"] for w in summary["workers"]) > RATE


def test_a_killed_worker_is_named_and_only_its_last_batches_are_missing(
    harness: Command,
) -> None:
    """The summary says which worker was lost; what it had handed in before is in the record."""
    with Standin(StandinConfig(api_keys=(KEY,))) as standin:
        master, workers = start_all(harness, standin.url)
        wait_for_sessions(standin, 3 * RATE)
        load = [
            child
            for child in psutil.Process(workers[0].pid).children()
            if "locust" in " ".join(child.cmdline())
        ]
        os.kill(load[0].pid, signal.SIGKILL)
        ended = harness.wait(master)
        codes = [harness.wait(worker).code for worker in workers]
        truth = standin.truth()
    summary = summary_of(harness.folder / "trial")
    seen = summary["totals"]["attempts"]
    made = sum(sum(row["by_status"].values()) for row in truth["requests"].values())

    assert ended.code in {1, 4}, ended.err
    assert codes == [3, 0]
    assert sorted(w["state"] for w in summary["workers"]) == ["drained", "lost"]
    assert summary["state"] == "interrupted"
    assert truth["sessions"]["open"] == 0, "the dead worker's ledger was not swept"
    # Its batches leave once a second, and its own sweep is not the master's to record:
    # three attempts an arrival, half the load, and some seconds of slack for a slow machine.
    assert 0 <= made - seen <= 3 * 3 * RATE / 2 + RATE
    lost = next(w for w in summary["workers"] if w["state"] == "lost")
    assert lost["attempts"] > RATE / 2


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
def test_a_slip_is_one_line(harness: Command, options, words) -> None:
    """What cannot be is told before anything is sent."""
    ended = harness("run", "cache_import", *options)

    assert (2, 1) == (ended.code, len(ended.err.strip().splitlines())), ended.err
    assert words in ended.err
