"""A process with a wrong configuration ends, so that no other process waits for it."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from harness.errors import UsageError
from harness.load.config import default_spec

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


def test_a_plan_with_faults_needs_the_command_that_brings_the_proxy(tmp_path, monkeypatch):
    """Under plain Locust they would be in the manifest without an injection."""
    (tmp_path / "p.toml").write_text("[[faults]]\nkind = 'latency'\n")
    monkeypatch.setenv("HARNESS_PLAN", f"{tmp_path}/p.toml")
    environment = SimpleNamespace(parsed_options=None, host="http://127.0.0.1:9", locustfile="x.py")

    with pytest.raises(
        UsageError, match=r"p\.toml: faults need the fault proxy; use `harness run`"
    ):
        default_spec(environment)


def test_plain_locust_names_the_variable_that_allows_a_host():
    """It has no --allow-host."""
    environment = SimpleNamespace(parsed_options=None, host="http://example.com", locustfile="x.py")

    with pytest.raises(UsageError, match=r"anyway, set HARNESS_ALLOW_HOST=example\.com$"):
        default_spec(environment)
