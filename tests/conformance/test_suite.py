"""The honest stand-in passes every case, and each lie fails the cases about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.conformance.auth import BURST_MAX
from harness.conformance.suite import CASES
from harness.standin.config import Lies, StandinConfig
from harness.standin.launch import Standin
from tests.conformance.cases import FAILURES, LEAKS, LIES, SETTINGS
from tests.conformance.conftest import QUICK, ConformanceTarget


def test_names_are_unique_and_every_case_has_a_statement():
    """Pipelines refer to a case by its name."""
    assert len(CASES) == len({case.name for case in CASES})
    assert all(case.statement and "." in case.name for case in CASES)


@pytest.mark.parametrize("source", ["seed", "client", "ours"])
def test_every_case_is_listed_with_its_source(source):
    """docs/explanation/conformance.md has the documented ones in a table, the others below."""
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "conformance.md").read_text()
    begins = {
        "seed": "## Statements and checks",
        "client": "What the SDK requires:",
        "ours": "What only the stand-in does",
    }
    text = page.partition(begins[source])[2]
    text = text.partition("These codes cannot" if source == "seed" else "\n\n")[0]
    listed = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", text)) - {"links.status", "links.logs"}
    assert listed == {case.name for case in CASES if case.source == source}


@pytest.mark.parametrize("vocabulary", ["seed", "sdk"])
def test_the_stand_in_passes_all(run_cases, vocabulary):
    """In either vocabulary, behind a limiter; every session is closed afterwards."""
    found, done = run_cases(vocabulary=vocabulary, max_sessions=6, fill=8)

    # Tokens live for an hour; another test covers their expiry.
    skipped, detail = found.pop("sockets.expired_token")
    assert (skipped, "--patience" in detail) == ("skip", True)
    # A create takes no time here, so hardly any arrives while another is in progress.
    assert found.pop("create_session.in_flight")[0] in {"pass", "skip"}
    assert {name: seen for name, seen in found.items() if seen[0] != "pass"} == {}
    assert done["create_session"] == done["delete_session"] > 30


def test_without_destructive_cases_nothing_changes(run_cases):
    """No session, run or entry is created."""
    found, done = run_cases(destructive=False)

    made = {name for name, (verdict, _) in found.items() if verdict == "pass"}
    assert made == {case.name for case in CASES if not case.destructive}
    assert {verdict for verdict, _ in found.values()} == {"pass", "skip"}
    assert set(done.values()) == {0}


@pytest.mark.parametrize(("lies", "failing"), LIES, ids=min)
def test_a_lie_fails_the_cases_about_it(run_cases, lies, failing):
    """Cases about other statements still pass."""
    beside = {"health.ok", "auth.no_key", "create_session.answer", "queue_run.answer"}
    found, _ = run_cases(tuple(failing | beside), lies=Lies(**lies))

    assert {name for name, (verdict, _) in found.items() if verdict == "fail"} == failing, found
    assert all(found[name][1] for name in failing)


def test_a_leaked_slot_fails_the_capacity(stage):
    """Deleting a session of a full stand-in frees nothing. The leak needs its own stand-in."""
    with Standin(StandinConfig(**QUICK)) as standin:
        found, _ = ConformanceTarget(standin, stage.webhook_inbox).run_cases(
            (LEAKS,), lies=Lies(leaks_slot=1.0),
            max_sessions=2, fill=5, patience_s=0.3,
        )  # fmt: skip

    assert "full with 2 sessions" in found[LEAKS][1]


def test_an_expired_token_is_refused(run_cases):
    """After its lifetime it opens no socket; the lie about it is in `SETTINGS`."""
    found, _ = run_cases(("sockets.expired_token",), token_lifetime_s=0.3)

    assert found["sockets.expired_token"][0] == "pass", found


@pytest.mark.parametrize(("name", "settings", "words"), SETTINGS)
def test_a_setting_fails_its_case(run_cases, name, settings, words):
    """Lost deliveries, tokens and keys that are never refused, a wrong Retry-After."""
    found, _ = run_cases((name,), **settings)

    assert found[name][0] == "fail", found
    assert words in found[name][1]


def test_a_case_that_observed_nothing_is_skipped(run_cases):
    """There is no limiter, and no room for a second session."""
    names = ("rate_limit.retry_after", "create_session.distinct")
    found, _ = run_cases(names, limiter="none", max_sessions=1)

    assert {verdict for verdict, _ in found.values()} == {"skip"}
    assert str(BURST_MAX) in found["rate_limit.retry_after"][1]


def test_a_stand_in_without_keys_still_requires_one(run_cases):
    """It accepts any key, but no request without one."""
    found, _ = run_cases(("auth.no_key",), api_keys=())

    assert found["auth.no_key"][0] == "pass"


@pytest.mark.parametrize(("fail", "failing"), FAILURES, ids=min)
def test_a_failure_fails_the_operation_s_cases(run_cases, fail, failing):
    """An error response breaks the statements about success."""
    found, _ = run_cases(tuple(failing | {"auth.no_key"}), fail=fail)

    assert {name for name, (verdict, _) in found.items() if verdict == "fail"} == failing, found
