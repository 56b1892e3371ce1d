"""The honest stand-in passes every check, and each lie fails the checks that are about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.conformance.auth import BURST_MAX
from harness.conformance.suite import CHECKS
from harness.standin.config import Lies, StandinConfig
from harness.standin.launch import Standin
from tests.conformance.cases import FAILURES, LEAKS, LIES, SETTINGS
from tests.conformance.conftest import QUICK, ConformanceTarget


def test_names_are_unique_and_every_check_states_something():
    """A name is what a pipeline refers to."""
    assert len(CHECKS) == len({check.name for check in CHECKS})
    assert all(check.states and "." in check.name for check in CHECKS)


@pytest.mark.parametrize("source", ["seed", "client", "ours"])
def test_every_check_is_listed_with_its_source(source):
    """docs/explanation/conformance.md: the documentation's in a table, the others below it."""
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "conformance.md").read_text()
    begins = {
        "seed": "## Statements and checks",
        "client": "What the SDK requires:",
        "ours": "What only the stand-in does",
    }
    text = page.partition(begins[source])[2]
    text = text.partition("These codes cannot" if source == "seed" else "\n\n")[0]
    listed = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", text)) - {"links.status", "links.logs"}
    assert listed == {check.name for check in CHECKS if check.source == source}


@pytest.mark.parametrize("vocabulary", ["seed", "sdk"])
def test_the_stand_in_passes_all(run_cases, vocabulary):
    """In either vocabulary, behind a limiter; and every session is closed afterwards."""
    found, done = run_cases(vocabulary=vocabulary, max_sessions=6, fill=8)

    # The tokens of an hour's session outlive the test; another one sees them expire.
    skipped, detail = found.pop("sockets.expired_token")
    assert (skipped, "--patience" in detail) == ("skip", True)
    # A create takes no time here, so hardly any comes while another is being handled.
    assert found.pop("create_session.in_flight")[0] in {"pass", "skip"}
    assert {name: seen for name, seen in found.items() if seen[0] != "pass"} == {}
    assert done["create_session"] == done["delete_session"] > 30


def test_nothing_is_changed_unless_it_is_asked_for(run_cases):
    """Without destructive checks no session, run or entry comes to be."""
    found, done = run_cases(destructive=False)

    made = {name for name, (verdict, _) in found.items() if verdict == "pass"}
    assert made == {check.name for check in CHECKS if not check.destructive}
    assert {verdict for verdict, _ in found.values()} == {"pass", "skip"}
    assert set(done.values()) == {0}


@pytest.mark.parametrize(("lies", "failing"), LIES, ids=min)
def test_a_lie_fails_the_checks_that_are_about_it(run_cases, lies, failing):
    """… and no others of the honest ones beside them."""
    beside = {"health.ok", "auth.no_key", "create_session.answer", "queue_run.answer"}
    found, _ = run_cases(tuple(failing | beside), lies=Lies(**lies))

    assert {name for name, (verdict, _) in found.items() if verdict == "fail"} == failing, found
    assert all(found[name][1] for name in failing)


def test_a_leaked_slot_fails_the_capacity(stage):
    """Full, one is deleted, and there is no room all the same: a stand-in of its own."""
    with Standin(StandinConfig(**QUICK)) as standin:
        found, _ = ConformanceTarget(standin, stage.webhook_inbox).run_cases(
            (LEAKS,), lies=Lies(leaks_slot=1.0),
            max_sessions=2, fill=5, patience_s=0.3,
        )  # fmt: skip

    assert "full with 2 sessions" in found[LEAKS][1]


def test_an_expired_token_is_tried(run_cases):
    """When its time is over it opens no socket; the lie is among `SETTINGS`."""
    found, _ = run_cases(("sockets.expired_token",), token_lifetime_s=0.3)

    assert found["sockets.expired_token"][0] == "pass", found


@pytest.mark.parametrize(("name", "settings", "words"), SETTINGS)
def test_a_setting_fails_its_check(run_cases, name, settings, words):
    """Deliveries that stay away, tokens and keys that all open, advice that is none."""
    found, _ = run_cases((name,), **settings)

    assert found[name][0] == "fail", found
    assert words in found[name][1]


def test_what_gave_no_occasion_is_skipped_and_never_passed(run_cases):
    """No limiter, and no room for a session."""
    names = ("rate_limit.retry_after", "create_session.distinct")
    found, _ = run_cases(names, limiter="none", max_sessions=1)

    assert {verdict for verdict, _ in found.values()} == {"skip"}
    assert str(BURST_MAX) in found["rate_limit.retry_after"][1]


def test_a_key_that_everyone_has_is_a_key(run_cases):
    """A stand-in without keys of its own lets any key in, but none at all."""
    found, _ = run_cases(("auth.no_key",), api_keys=())

    assert found["auth.no_key"][0] == "pass"


@pytest.mark.parametrize(("fail", "failing"), FAILURES, ids=min)
def test_a_failure_fails_the_operation_s_checks(run_cases, fail, failing):
    """What answers with an error breaks what is stated of its success."""
    found, _ = run_cases(tuple(failing | {"auth.no_key"}), fail=fail)

    assert {name for name, (verdict, _) in found.items() if verdict == "fail"} == failing, found
