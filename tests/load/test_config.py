"""What a load process makes of its plan, and of the master's in its place."""

from __future__ import annotations

from types import SimpleNamespace

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


def test_a_worker_does_what_the_masters_plan_says():
    """Its own plan was read and its workloads were made before the master spoke."""
    environment = SimpleNamespace(parsed_options=None, host="http://127.0.0.1:9", locustfile="x.py")
    own = LoadConfig(default_spec(environment), Plan(seed=1), "k", plan_text="[load]\n")
    own.workload("work", Work)

    told = own.with_plan(own.spec, Plan(seed=2, scenario={"work": {"size": 7}}))

    assert (7, 2) == told.workload("work", Work).made_with
    assert told.workload("work", Work) is told.workload("work", Work), "shared by all users"
    assert ("k", "") == (told.key, told.plan_text)
