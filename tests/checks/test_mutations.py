"""
A correct target passes whatever the network does, and every change that matters is found.

A small simulated target (`tests.checks.simulated`) obeys its promises: no check may accuse
it. Then its history is changed in a way that breaks a promise (`tests.checks.mutations`),
and the promise's own check has to say so, and no other.
"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import Phase, given
from hypothesis import strategies as st

from harness.checks.check import run_check
from harness.checks.registry import CHECKS
from harness.verdicts import Verdict
from tests.checks.changes import KINDS
from tests.checks.mutations import MUTATIONS
from tests.checks.simulated import BY_NAME, run_all_checks, simulate
from tests.examples import scaled_settings
from tests.histories import attempt, context, history

ALONE = ("contract.responses", "sockets.tokens")
"""Checks that look at each answer alone: neither their number nor their order says anything."""


@scaled_settings(8)
@given(st.integers(0, 10**6), st.floats(0, 0.9), st.booleans(), st.randoms(use_true_random=False))
def test_a_correct_target_is_never_accused(seed, loss, embedded, shuffle):
    """Whatever is lost, and in whatever order the log was written: no fail, all told."""
    rows, events = simulate(seed, loss)
    shuffle.shuffle(rows)

    findings = run_all_checks(rows, events, embedded=embedded)

    assert dict.fromkeys(BY_NAME, Verdict.PASS) == {
        name: finding.verdict for name, finding in findings.items()
    }, [finding.detail for finding in findings.values()]


@scaled_settings(8)
@given(st.integers(0, 10**6), st.floats(0, 0.9), st.data())
def test_lost_attempts_of_a_lost_worker_are_no_accusation(seed, loss, data):
    """Any rows may be missing where a worker was lost: unknown at most, never a fail."""
    rows, events = simulate(seed, loss)
    kept = data.draw(st.lists(st.sampled_from(range(len(rows))), unique=True, min_size=1))
    rows = [rows[n] for n in kept]

    findings = run_all_checks(rows, events, worker="lost", state="interrupted")

    assert Verdict.FAIL not in {finding.verdict for finding in findings.values()}, findings


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTATIONS)
@scaled_settings(2, phases=(Phase.generate,))
@given(seed=st.integers(0, 10**6), loss=st.floats(0, 0.8), data=st.data())
def test_a_change_that_matters_is_found_by_its_check_and_no_other(name, seed, loss, data):
    """The promise that was broken fails, with a witness; every other one still passes."""
    rows, events = simulate(seed, loss)
    mutation = MUTATIONS[name]
    mutation.change(rows, events, lambda choices: data.draw(st.sampled_from(list(choices))))

    findings = run_all_checks(rows, events)
    failed = {name for name, finding in findings.items() if finding.verdict is Verdict.FAIL}

    assert {mutation.check} == failed, [f.detail for f in findings.values()]
    assert run_all_checks(rows, events, sift=False) == findings
    assert all(findings[name].witness for name in failed)


def test_a_delivery_made_twice_is_counted_and_no_fault():
    """At least once is what was promised."""
    rows, events = simulate(1, 0.3)
    again = msgspec.structs.replace(events[0], time_ns=events[0].time_ns + 10**9)
    finding = run_all_checks(rows, [*events, again])["webhooks.delivery"]

    assert Verdict.PASS is finding.verdict
    assert "2 runs delivered; 1 duplicate" in finding.detail


def test_every_check_is_shown_every_kind_of_change():
    """Completeness: dropped, duplicated, reordered and swapped, where that can be seen."""
    shown = {(mutation.check, mutation.kind) for mutation in MUTATIONS.values()}

    assert set(BY_NAME) == {check for check, _ in shown}
    assert [] == [
        (check, kind)
        for check in BY_NAME
        for kind in KINDS
        if check not in ALONE and (check, kind) not in shown
    ]


@scaled_settings(8)
@given(st.lists(st.text(max_size=40) | st.binary(max_size=40).map(repr), min_size=1, max_size=6))
def test_any_evidence_is_survived(texts):
    """Evidence is a stranger's text by the time a trial is read again: never a crash."""
    operations = (
        "create_session",
        "queue_run",
        "get_run",
        "get_run_logs",
        "import_selector_cache",
    )
    frame = history(
        *(
            attempt(operation, f"x{n}", key="k", evidence=text)
            for n, text in enumerate(texts)
            for operation in operations
        )
    )

    for check in CHECKS:
        detail = run_check(check, frame, context()).detail
        assert "the check itself failed" not in detail, detail
