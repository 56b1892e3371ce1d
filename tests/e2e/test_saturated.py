"""A generator that was the bottleneck says so: no performance verdict, exit 4, what to do."""

from __future__ import annotations

from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from tests.e2e.conftest import KEY, Command, summary_of

BUSY = '''
import time
from harness.fields import Table
from harness.load.user import ScenarioUser


class Busy:
    """A scenario that computes for 50 ms before each of its requests."""

    class Settings(Table):
        pass

    def __init__(self, settings, seed):
        pass

    def run_iteration(self, iteration):
        until = time.process_time() + 0.05
        while time.process_time() < until:
            pass
        iteration.client.health()


class BusyUser(ScenarioUser):
    workloads = {"busy": Busy}
'''


def test_a_saturated_generator_is_unknown(harness: Command) -> None:
    """Objectives on latency are doubts, invariants stand, and the remedy is named."""
    (harness.folder / "busy.py").write_text(BUSY)
    with Standin(StandinConfig(api_keys=(KEY,))) as standin:
        ended = harness(
            "run", "busy.py", "--host", standin.url, "--duration", "3s", "--rate", "40",
            "--out", "trial",
        )  # fmt: skip
    summary = summary_of(harness.folder / "trial")
    verdicts = {f["kind"]: set() for f in summary["findings"]}
    for finding in summary["findings"]:
        verdicts[finding["kind"]].add(finding["verdict"])
    words = " ".join(f["detail"] for f in summary["findings"] if f["kind"] == "slo")

    assert ended.code == 4, ended.err
    assert summary["generator"]["saturated"]
    assert verdicts["slo"] == {"unknown"}
    assert verdicts["invariant"] == {"pass"}
    assert "--processes" in words
    assert "another machine" in words
    assert summary["totals"]["unstarted_arrivals"] + summary["totals"]["late_starts"] > 30
