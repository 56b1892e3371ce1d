"""How a load process uses its plan, and the coordinator's instead."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

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
