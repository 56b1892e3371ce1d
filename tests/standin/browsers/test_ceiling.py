"""The session lab against real browsers: their ceiling, launches that fail and that hang."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

from benchmarks.browsers import CHROMIUM
from harness.execution.lifecycle import measure
from harness.execution.sessions import SessionsExperiment, SessionsJob
from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from tests.standin.browsers.leftovers import nothing_is_left

CEILING = 3
SOMETIMES = """#!/bin/sh
n=1
while ! mkdir "{folder}/launch-$n" 2>/dev/null; do n=$((n + 1)); done
case $n in
  2) exit 1 ;;
  4) exec sleep 600 ;;
esac
exec "{chromium}" "$@"
"""
"""The second browser does not start, the fourth hangs."""


@pytest.mark.trial
@pytest.mark.skipif(not CHROMIUM, reason="there is no chromium here (make test-deps)")
def test_the_lab_finds_the_ceiling_of_real_browsers(tmp_path, monkeypatch):
    """Each held session is a Chromium that runs; what failed to launch is no ceiling."""
    monkeypatch.setenv("OPENSTEER_API_KEY", "osk_some")
    program = tmp_path / "sometimes"
    program.write_text(SOMETIMES.format(folder=tmp_path, chromium=CHROMIUM))
    program.chmod(0o755)
    config = StandinConfig(browser=str(program), max_sessions=CEILING, launch_timeout_s=6.0)
    with Standin(config) as standin:
        job = SessionsJob(
            host=standin.url, out=tmp_path / "trial", trial_id="browsers",
            max_sessions=8, parallel=2, cycles=1, races=1,
        )  # fmt: skip
        measure(SessionsExperiment(job), "osk_some", Console(stderr=True, quiet=True))
        found = json.loads((job.out / "capacity.json").read_text())
        truth = standin.truth()
        assert nothing_is_left(standin.pid)

    assert CEILING == found["ceiling"] == found["ceiling_high"]
    assert "CLOUD_CAPACITY_FULL" == found["refusal_code"]
    assert (0, 0, 0) == (found["over_admitted"], found["leaked"], found["slots_lost"])
    by_code = truth["requests"]["create_session"]["by_code"]
    assert 1 == by_code["CLOUD_LAUNCH_FAILED"]
    assert by_code["CLOUD_LAUNCH_TIMEOUT"] >= 1
    assert found["failed_creates"] + found["lost_answers"] >= 2
    assert found["release_ms"]["p50"] > 0
    assert (0, 0) == (truth["sessions"]["open"], truth["sessions"]["over_admitted"])
    assert truth["sessions"]["created"] == len(list(tmp_path.glob("launch-*")))
