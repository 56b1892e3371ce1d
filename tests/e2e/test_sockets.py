"""Trials over the two WebSockets, held against what the stand-in says happened."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from harness.standin.config import Lies, StandinConfig
from harness.standin.launch import Standin
from tests.e2e.conftest import (
    KEY,
    Command,
    outcomes_of_summary,
    outcomes_of_truth,
    summary_of,
)

PLAN = """
[load]
users = 60
phases = [{name = "load", duration = "2s", rate = 50}]
[probes]
share = 0.3
[scenario.session_actions]
think = [0.0, 0.02]
together = 0.5
reconnects = 2
[scenario.cdp_connect]
think = [0.0, 0.02]
[scenario.sdk_session]
think = [0.0, 0.02]
entries = 30
"""

ACTIONS = {
    "action:CLOUD_CONNECTION_LOST": 0.05,
    "action:CLOUD_ACTION_FAILED": 0.05,
    "action:CLOUD_TIMEOUT": 0.05,
}
FAIL = {
    "session_actions": {
        **ACTIONS,
        "action:CLOUD_RUNTIME_GONE": 0.05,
        "action.connect:CLOUD_SESSION_STALE": 0.21,
        "action.connect:CLOUD_CDP_UNAVAILABLE": 0.21,
    },
    "cdp_connect": {
        "cdp.connect:CLOUD_CDP_UNAVAILABLE": 0.21,
        "cdp:CLOUD_CONNECTION_LOST": 0.06,
        "cdp:CLOUD_INTERNAL_ERROR": 0.06,
    },
    "sdk_session": ACTIONS,
}
"""
Every kind of ending: refused upgrades, failed actions, lost connections.

Which request meets which depends on the order of arrival. With 100 upgrades, and 450
actions or commands, the chance that one kind stays away is 0.79^100 or 0.95^450: 6e-11.
"""

RECONNECTS = {"session_actions": {1, 2}, "cdp_connect": {0}, "sdk_session": {0}}
SEEN = {
    "session_actions": {
        "connection_lost", "action_failed", "timeout", "runtime_gone", "session_closed",
        "cdp_unavailable", "auth_failed",
    },
    "cdp_connect": {"connection_lost", "server_error", "cdp_unavailable", "auth_failed"},
    "sdk_session": {"connection_lost", "action_failed", "timeout"},
}  # fmt: skip


def run(harness: Command, scenario: str, standin: Standin, *more: str):
    """Run one trial against a stand-in; returns how it ended."""
    (harness.folder / "plan.toml").write_text(PLAN)
    return harness(
        "run", scenario, "--host", standin.url, "--plan", "plan.toml", "--out", "trial", *more
    )


@pytest.mark.parametrize("scenario", SEEN)
def test_totals_equal_the_truth(harness: Command, scenario: str) -> None:
    """Every upgrade, action and command is counted, however it ended; no token is kept."""
    config = StandinConfig(
        api_keys=(KEY,),
        max_sessions=40,
        launch_s=0.05,
        latency={"action": "lognormal(3ms,0.5)", "cdp": "1ms", "action.goto": "10ms"},
        fail=FAIL[scenario],
    )
    with Standin(config) as standin:
        ended = run(harness, scenario, standin)
        truth = standin.truth()
    trial = harness.folder / "trial"
    summary = summary_of(trial)
    outcomes = outcomes_of_summary(summary)

    assert ended.code in {0, 1, 4}, ended.err
    assert outcomes_of_truth(truth) == outcomes
    assert truth["sessions"]["open"] == 0
    assert SEEN[scenario] <= {name for row in outcomes.values() for name in row}
    assert reconnects(trial) in RECONNECTS[scenario]
    failed = {f["name"] for f in summary["findings"] if f["verdict"] == "fail"}
    assert not failed
    secret = re.compile(rb"(act|cdp)_[0-9a-f]{32}")
    files = [path for path in trial.rglob("*") if path.is_file()]
    assert not [path for path in files if secret.search(path.read_bytes())]
    assert not secret.search((ended.out + ended.err).encode())


def reconnects(trial: Path) -> int:
    """How often the action socket that was lost most often was opened again."""
    table = pq.read_table(
        trial / "attempts.parquet", columns=["operation", "phase", "outcome", "resource_id"]
    )
    opened = Counter(
        row["resource_id"]
        for row in table.to_pylist()
        if (row["operation"], row["phase"], row["outcome"]) == ("action.connect", "load", "ok")
    )
    return max(opened.values(), default=1) - 1


def test_probes_are_refused(harness: Command) -> None:
    """Wrong, foreign and expired tokens and closed sessions: each is tried and refused."""
    with Standin(StandinConfig(api_keys=(KEY,), token_lifetime_s=1.0)) as standin:
        ended = run(harness, "session_actions", standin)
    trial = harness.folder / "trial"
    findings = {f["name"]: f for f in summary_of(trial)["findings"]}

    assert ended.code == 0, ended.err
    assert findings["sockets.tokens"]["verdict"] == "pass"
    evidence = pq.read_table(trial / "attempts.parquet")["evidence"].to_pylist()
    tried = {json.loads(text).get("probe") for text in evidence if text}
    assert tried >= {
        "wrong_token", "no_token", "other_socket", "other_session", "expired_token",
        "closed_session",
    }  # fmt: skip


def test_a_socket_that_opens_to_any_token_fails(harness: Command) -> None:
    """The lie is found, and nothing else is accused."""
    lies = Lies(takes_any_token=1.0)
    with Standin(StandinConfig(api_keys=(KEY,), lies=lies)) as standin:
        ended = run(harness, "session_actions", standin)
    findings = summary_of(harness.folder / "trial")["findings"]

    assert ended.code == 1, ended.err
    assert {"sockets.tokens"} == {f["name"] for f in findings if f["verdict"] == "fail"}


def test_faults_strike_sockets_too(harness: Command) -> None:
    """Through the fault proxy a cut connection is a lost one, and the trial goes on."""
    with Standin(StandinConfig(api_keys=(KEY,))) as standin:
        run(harness, "session_actions", standin, "--fault", "reset-after:probability=0.2")
        truth = standin.truth()
    summary = summary_of(harness.folder / "trial")
    lost = {
        name: row["outcomes"].get("connection_lost", 0)
        for name, row in summary["operations"].items()
    }

    assert sum(n for name, n in lost.items() if name.startswith("action.")) > 3
    assert truth["sessions"]["open"] == 0
