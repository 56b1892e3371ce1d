"""``harness capacity sessions`` against stand-ins whose ceiling is known."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from rich.console import Console

from harness.execution.lifecycle import measure
from harness.execution.sessions import SessionsExperiment, SessionsJob
from harness.standin.config import Lies, StandinConfig
from harness.standin.launch import Standin
from tests.schemas import schema_errors_of_file

KEY = "osk_some"
LIMITED = {"limiter": "token-bucket", "rate": 100.0, "burst": 20}
FAILING = {"fail": {"create_session:CLOUD_LAUNCH_FAILED": 0.1}}


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("OPENSTEER_API_KEY", KEY)


def find(folder: Path, config: StandinConfig, **given) -> tuple[dict, dict]:
    """capacity.json of a short search, and the truth of its target."""
    with Standin(config) as standin:
        job = SessionsJob(
            host=standin.url,
            out=folder / "trial",
            trial_id=folder.name,
            **{"cycles": 3, **given},
        )
        measure(SessionsExperiment(job), KEY, Console(stderr=True, quiet=True))
        assert schema_errors_of_file(job.out / "capacity.json") == []
        return json.loads((job.out / "capacity.json").read_text()), standin.truth()


@pytest.mark.parametrize(
    ("ceiling", "settings"),
    [
        (1, {}),
        (7, {"release_delay_s": 0.15} | FAILING),
        (64, LIMITED),
        (
            64,
            {"fail": {"create_session:CLOUD_TIMEOUT": 0.2}, "timeout_after_effect": 0.5},
        ),
    ],
)
def test_the_ceiling_is_exact_and_nothing_is_left(tmp_path, ceiling, settings):
    """With and without limiter, release delay, failing launches and lost effects."""
    found, truth = find(tmp_path, StandinConfig(max_sessions=ceiling, **settings))

    assert ceiling == found["ceiling"] == found["ceiling_low"] == found["ceiling_high"]
    assert (0, 0) == (found["over_admitted"], found["leaked"])
    assert (0, 0) == (truth["sessions"]["open"], truth["sessions"]["over_admitted"])
    assert "CLOUD_CAPACITY_FULL" == found["refusal_code"]
    assert ("limiter" in settings) == (found["rate_limited"] > 0)
    # From the DELETE's answer on, which comes late on a busy machine: the delay runs already.
    assert found["release_ms"]["p50"] >= 500 * settings.get("release_delay_s", 0)


def test_over_admission_is_found_when_the_stand_in_races(tmp_path):
    """Between its check for a free slot and taking it, others take the slot."""
    found, truth = find(tmp_path, StandinConfig(max_sessions=7, race_window_s=0.05))

    assert 7 == found["ceiling"]
    assert found["over_admitted"] > 0
    assert truth["sessions"]["over_admitted"] > 0
    assert 0 == truth["sessions"]["open"]


def test_slots_that_failed_creates_keep_are_missed(tmp_path):
    """As many as the stand-in lost after the ceiling was first seen."""
    lies = Lies(leaks_failed_create=1.0)
    config = StandinConfig(max_sessions=40, lies=lies, **FAILING)
    found, truth = find(tmp_path, config)

    assert 0 < found["slots_lost"] <= found["slots_lost_after"]
    assert 40 == found["ceiling_low"] + truth["sessions"]["leaked"]
    assert (0, 0) == (found["leaked"], truth["sessions"]["open"])


def test_the_command_leaves_a_trial_with_findings_and_a_report(harness):
    """Without a host it takes its own stand-in of 64 sessions."""
    ended = harness("capacity", "sessions", "--out", "t", "--cycles", "2")

    assert 0 == ended.code, ended.err
    trial = harness.folder / "t"
    summary = json.loads((trial / "summary.json").read_text())
    verdicts = {f["name"]: f["verdict"] for f in summary["findings"]}
    assert 64 == json.loads((trial / "capacity.json").read_text())["ceiling"]
    assert "pass" == verdicts["capacity.admission"] == verdicts["capacity.closed"]
    assert "pass" == verdicts["sessions.lifecycle"]
    assert (trial / "report.html").is_file()
    assert "ceiling" in ended.out
    assert "round" in ended.err or "opening sessions" in ended.err


def test_ctrl_c_closes_everything_and_writes_the_trial(harness):
    """In the middle of filling: exit 130, nothing open, the artifacts there."""
    config = StandinConfig(max_sessions=500, latency={"create_session": "100ms"})
    with Standin(config) as standin:
        process = harness.start(
            "capacity", "sessions", "--host", standin.url, "--out", "t", "--parallel", "2"
        )
        deadline_s = time.monotonic() + 60
        while standin.truth()["sessions"]["open"] < 10 and time.monotonic() < deadline_s:
            time.sleep(0.05)
        process.send_signal(2)
        ended = harness.wait(process)
        truth = standin.truth()

    assert 130 == ended.code, ended.err
    assert truth["sessions"]["created"] >= 10
    assert 0 == truth["sessions"]["open"]
    found = json.loads((harness.folder / "t" / "capacity.json").read_text())
    assert (True, 0) == (found["interrupted"], found["leaked"])


def test_a_wrong_option_is_one_line(harness):
    """And nothing is sent."""
    ended = harness("capacity", "sessions", "--transport", "carrier-pigeon")

    assert 2 == ended.code
    (line,) = ended.err.splitlines()
    assert line.startswith(
        "harness: Invalid value for '--transport': 'carrier-pigeon' is not one of 'fast', 'httpx'"
    )
