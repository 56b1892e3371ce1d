"""Every code of the contract, from the stand-in that answers it to summary.json."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from harness.client.retries import RETRYABLE
from harness.contract.outcomes import ALIASES
from harness.plan.slo import NOT_ERRORS
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
    assert truth["sessions"]["open"] == 0
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


def lacking(page: str) -> set[str]:
    """Codes of which a page does not say, or says wrongly, what they are; "" for the rest."""
    rows = {
        cells[0]: cells[1:]
        for line in page.splitlines()
        if (cells := [cell.strip() for cell in line.strip("|").split("|")])[0] in TABLE
    }
    wrong = set(TABLE.keys() - rows.keys())
    for code, cells in rows.items():
        aliases, outcome, meaning, does = cells
        # After CLOUD_CONNECTION_LOST there is no socket left to try again on.
        retried = TABLE[code] in RETRYABLE and code != "CLOUD_CONNECTION_LOST"
        said = (set(filter(None, aliases.split(", "))), outcome, does.startswith("retried"))
        told = {alias for alias, of in ALIASES.items() if of == code}
        if said != (told, TABLE[code], retried) or not meaning or not does:
            wrong.add(code)
    exempt = re.search(r"Every outcome but (.*) counts against the SLO `errors`", page, re.DOTALL)
    if not exempt or set(re.findall(r"`(\w+)`", exempt[1])) != NOT_ERRORS:
        wrong.add("")
    return wrong | (SDK_ONLY - set(re.findall(r"CLOUD_\w+", page)))


PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "errors.md").read_text()


def test_every_code_is_explained():
    """docs/reference/errors.md has a row a code with its aliases and outcome, and names the others."""
    assert set() == lacking(PAGE)


@pytest.mark.parametrize("code", sorted(TABLE))
def test_a_page_that_errs_is_found_out(code):
    """A row that is away, of another outcome, of other aliases, without words, or retried."""
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| {code} |"))
    _, _, aliases, outcome, meaning, does, _ = row.split("|")
    swapped = (" not" if does.startswith(" retried") else " retried") + does
    for wrong in (
        "",
        row.replace(f"| {outcome.strip()} |", "| ok |"),
        row.replace(f"|{aliases}|", "| CLOUD_OTHER |"),
        row.replace(f"|{meaning}|", "| |"),
        row.replace(f"|{does}|", "| |"),
        row.replace(f"|{does}|", f"|{swapped}|"),
    ):
        assert {code} == lacking(PAGE.replace(row, wrong)), wrong


def test_other_omissions_are_found_out():
    """What is no error, and the codes that only the SDK has."""
    assert {""} == lacking(PAGE.replace("`rate_limited` and", "and"))
    assert SDK_ONLY == lacking(re.sub(r"CLOUD_(?=MODEL|PROXY|BILL|BROWSER)", "", PAGE))
