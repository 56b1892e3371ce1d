"""Every code of the contract, from the stand-in that answers it to summary.json."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from harness.contract.outcomes import ALIASES, SDK_CODES, SEED_CODES
from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from tests.e2e.conftest import (
    KEY,
    Command,
    outcomes_of_summary,
    outcomes_of_truth,
    summary_of,
)

OUTCOME = {
    "CLOUD_ACTION_FAILED": "action_failed",
    "CLOUD_AUTH_FAILED": "auth_failed",
    "CLOUD_CAPACITY_FULL": "capacity_full",
    "CLOUD_CDP_UNAVAILABLE": "cdp_unavailable",
    "CLOUD_CONFIG_INVALID": "config_invalid",
    "CLOUD_CONNECTION_LOST": "connection_lost",
    "CLOUD_CONTRACT_MISMATCH": "contract_mismatch",
    "CLOUD_INTERNAL_ERROR": "server_error",
    "CLOUD_LAUNCH_FAILED": "launch_failed",
    "CLOUD_LAUNCH_TIMEOUT": "launch_timeout",
    "CLOUD_NOT_CONFIGURED": "not_configured",
    "CLOUD_RATE_LIMITED": "rate_limited",
    "CLOUD_RUNTIME_GONE": "runtime_gone",
    "CLOUD_SESSION_CLOSED": "session_closed",
    "CLOUD_SESSION_NOT_FOUND": "not_found",
    "CLOUD_TIMEOUT": "timeout",
    "CLOUD_UNSUPPORTED_METHOD": "unsupported_method",
    "CLOUD_CAPACITY_EXHAUSTED": "capacity_full",
    "CLOUD_SESSION_STALE": "session_closed",
    "CLOUD_RUNTIME_UNAVAILABLE": "runtime_gone",
    "CLOUD_RUNTIME_MISMATCH": "runtime_gone",
    "CLOUD_INVALID_REQUEST": "config_invalid",
    "CLOUD_INTERNAL": "server_error",
    "CLOUD_CONTROL_PLANE_ERROR": "server_error",
}
"""The contract's table, written down once more."""

PLAN = """
[load]
users = 60
phases = [{name = "load", duration = "2500ms", rate = 30}]
[retry]
attempts = 1
[probes]
share = 0.0
[scenario.session_actions]
think = [0.0, 0.0]
reconnects = 50
[scenario.run_polling]
poll = "1ms"
poll_max = "2ms"
"""


@pytest.mark.trial
@pytest.mark.parametrize(
    ("scenario", "operation"), [("session_actions", "action"), ("run_polling", "get_run")]
)
def test_every_code_arrives_with_its_outcome(
    harness: Command, scenario: str, operation: str
) -> None:
    """All 17 and the SDK's seven names, over a socket and over HTTP: counted as told."""
    (harness.folder / "plan.toml").write_text(PLAN)
    fail = {f"{operation}:{code}": 0.02 for code in OUTCOME}
    config = StandinConfig(api_keys=(KEY,), fail=fail, run_duration="2s")
    with Standin(config) as standin:
        ended = harness(
            "run", scenario, "--host", standin.url, "--plan", "plan.toml", "--out", "trial"
        )
        truth = standin.truth()
    trial = harness.folder / "trial"
    summary = summary_of(trial)

    assert outcomes_of_truth(truth) == outcomes_of_summary(summary), ended.err
    table = pq.read_table(trial / "attempts.parquet", columns=["operation", "code", "outcome"])
    seen = Counter(
        (row["code"], row["outcome"])
        for row in table.to_pylist()
        if row["operation"].startswith(operation) and row["code"]
    )
    assert set(OUTCOME.items()) == set(seen)
    expected: Counter[str] = Counter()
    for (_, outcome), times in seen.items():
        expected[outcome] += times
    found: Counter[str] = Counter()
    for name, row in summary["operations"].items():
        if name.startswith(operation):
            found.update(row["outcomes"])
    assert {name: found[name] for name in expected} == dict(expected)


def test_every_code_is_explained():
    """docs/errors.md has a row a code with its aliases and outcome, and names the others."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "errors.md").read_text()
    rows = {
        cells[0]: (set(filter(None, cells[1].split(", "))), cells[2], cells[3], cells[4])
        for line in text.splitlines()
        if (cells := [cell.strip() for cell in line.strip("|").split("|")])[0] in SEED_CODES
    }
    assert SEED_CODES.keys() == rows.keys()
    for code, (aliases, outcome, meaning, does) in rows.items():
        assert {alias for alias, of in ALIASES.items() if of == code} == aliases
        assert OUTCOME[code] == outcome
        assert meaning
        assert does
    assert set(re.findall(r"CLOUD_\w+", text)) >= SDK_CODES
