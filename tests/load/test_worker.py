"""A worker splits large batches without loss, and ends when it cannot follow the coordinator."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("rows", "noise", "piece_bytes", "more_than"),
    [(500, 0, 1 << 20, 0), (500, 5000, 1 << 20, 2), (64, 200, 4096, 4)],
)
def test_a_large_batch_is_split_not_truncated(rows, noise, piece_bytes, more_than):
    """Messages keep the bound and their order, and add up to the batch: rows and histograms."""
    args = [sys.executable, "-m", "tests.load.sending", str(rows), str(noise), str(piece_bytes)]
    done = subprocess.run(args, capture_output=True, text=True, check=True, timeout=60)
    told = json.loads(done.stdout)

    assert list(range(rows)) == told["calls"]
    assert told["same_intervals"]
    assert 15 == told["ended_s"]
    assert max(told["sizes"]) <= piece_bytes
    assert len(told["sizes"]) > more_than


SCRIPT = """
from types import SimpleNamespace
from harness.load.worker import WorkerLifecycle
from harness.load.config import LoadConfig, default_spec
from harness.plan.model import Plan

runner = SimpleNamespace(register_message=lambda *_, **__: None, client_id="c")
environment = SimpleNamespace(
    parsed_options=None, host="http://127.0.0.1:9", locustfile="x.py",
    user_classes=[type("OwnUser", (), {{}})],
)
runner.environment = environment
message = dict(
    trial_id="t", embedded=False, share=dict(c=(0, 1)), start_ns=1, plan={{}},
    scenario="theirs", users=["OwnUser"],
)
worker = WorkerLifecycle(runner, LoadConfig(default_spec(environment), Plan(), "k"), print)
{body}
"""


def run(body):
    """A process that does this: its exit status and what it said."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(body=body)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stderr.strip()


def test_a_worker_ends_that_does_not_understand_the_coordinators_plan():
    """One line; Locust would log what a listener raises, and the coordinator would wait."""
    status, said = run("worker._on_go(SimpleNamespace(data=message | dict(plan=dict(sede=1))))")

    assert 2 == status
    assert "the coordinator's load does not fit this worker: " in said
    assert said.endswith("sede is unknown; did you mean 'seed'?")
    assert 1 == len(said.splitlines())


def test_a_worker_of_another_scenario_ends():
    """Locust lets it live without users, and the coordinator waited for its share."""
    status, said = run("worker._on_go(SimpleNamespace(data=message | dict(users=['TheirUser'])))")

    assert (2, 1) == (status, len(said.splitlines())), said
    assert said.endswith("its scenario is theirs, this worker's x; start it with theirs")
