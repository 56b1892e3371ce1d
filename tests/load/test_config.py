"""How a load process uses its plan, and the coordinator's instead."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from harness.errors import UsageError
from harness.fields import Table
from harness.load.config import LoadConfig, default_spec
from harness.plan.model import Plan


class Work:
    """A workload that only keeps what it was made with."""

    class Settings(Table):
        """``[scenario.work]``."""

        size: int = 1

    def __init__(self, settings: Settings, seed: int) -> None:
        self.made_with = settings.size, seed


def test_a_worker_follows_the_coordinators_plan():
    """Its own plan was read and its workloads were made before the coordinator's message."""
    environment = SimpleNamespace(parsed_options=None, host="http://127.0.0.1:9", locustfile="x.py")
    own = LoadConfig(default_spec(environment), Plan(seed=1), "k", plan_text="[load]\n")
    own.workload("work", Work)

    config = own.with_plan(own.spec, Plan(seed=2, scenario={"work": {"size": 7}}))

    assert (7, 2) == config.workload("work", Work).made_with
    assert config.workload("work", Work) is config.workload("work", Work), "shared by all users"
    assert ("k", "") == (config.key, config.plan_text)


def test_a_workload_with_the_old_method_name_runs_with_a_warning():
    """A custom locustfile may still define ``round``."""
    environment = SimpleNamespace(parsed_options=None, host="http://127.0.0.1:9", locustfile="x.py")
    config = LoadConfig(default_spec(environment), Plan(seed=1), "k")

    class Old(Work):
        def round(self, iteration: object) -> object:
            return iteration

    with pytest.warns(DeprecationWarning, match=r"Old\.round is deprecated.* run_iteration"):
        workload = config.workload("work", Old)

    assert 7 == workload.run_iteration(7)


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
