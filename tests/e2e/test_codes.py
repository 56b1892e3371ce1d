"""Every code of the contract, from the stand-in that answers it to summary.json."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from harness.contract.outcomes import ALIASES
from harness.retries import RETRYABLE
from harness.slo import NOT_ERRORS
from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from tests.codes import ALIAS_TABLE, SDK_ONLY, TABLE
from tests.e2e.conftest import (
    KEY,
    Command,
    outcomes_of_summary,
    outcomes_of_truth,
    summary_of,
)

OUTCOME = TABLE | ALIAS_TABLE

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
    # Of 24 codes at 0.03 in 800 requests, one stays away with a chance of 24 * 0.97^800: 6e-10.
    fail = {f"{operation}:{code}": 0.03 for code in OUTCOME}
    # Three actions sent at once are all read before the first one's end can end their socket:
    # a request that was never read is lost to its sender, and nothing that the stand-in knows.
    latency = {"action": "20ms"}
    config = StandinConfig(api_keys=(KEY,), fail=fail, run_duration="2s", latency=latency)
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
        if (cells := [cell.strip() for cell in line.strip("|").split("|")])[0] in TABLE
    }
    assert TABLE.keys() == rows.keys()
    for code, (aliases, outcome, meaning, does) in rows.items():
        assert {alias for alias, of in ALIASES.items() if of == code} == aliases
        assert TABLE[code] == outcome
        assert meaning
        if code != "CLOUD_CONNECTION_LOST":  # there is no socket left to try again on
            assert does.startswith("retried") == (outcome in RETRYABLE), code
    exempt = re.search(
        r"Every outcome but (.*) counts against the SLO `errors`", text, re.DOTALL
    )
    assert set(re.findall(r"`(\w+)`", exempt[1])) == NOT_ERRORS
    assert set(re.findall(r"CLOUD_\w+", text)) >= SDK_ONLY
