"""Runs that go forward, and runs that do not."""

from __future__ import annotations

import pytest

from harness.checks.runs import CHECK
from harness.verdicts import Verdict
from tests.histories import assert_verdict, finding_of, get_run, parametrize_verdicts, queue

GOOD = {
    "queued, running, succeeded": (
        queue("r", at=0),
        get_run("r", "queued", at=1),
        get_run("r", "running", at=2),
        get_run("r", "succeeded", at=3),
    ),
    "the final status stays": (
        queue("r", at=0),
        get_run("r", "failed", at=1),
        get_run("r", "failed", at=2, probe="final_again"),
    ),
    "an answer that overlaps may be older": (
        queue("r", at=0),
        get_run("r", "succeeded", at=1, took=1),
        get_run("r", "running", at=1.5, took=1),
    ),
    "lost polls say nothing": (
        queue("r", at=0),
        get_run("r", at=1, outcome="timeout"),
        get_run("r", "canceled", at=2),
    ),
    "a run still under way at the end owes nothing yet": (
        queue("r1", at=0),
        get_run("r1", "succeeded", at=1),
        queue("r2", at=58),
        get_run("r2", "running", at=59),
    ),
    "a replayed answer tells of the queueing": (
        queue("r", at=0, key="k"),
        get_run("r", "succeeded", at=1),
        queue("r", at=2, key="k", replayed=1),
    ),
    "what a replay names wrongly is its key's fault": (
        queue("r", at=0, key="k"),
        get_run("r", "succeeded", at=1),
        queue("other", at=2, key="k", replayed=1),
        get_run("other", at=3, outcome="not_found"),
    ),
    "not found before the run was there": (
        get_run("r", at=0, outcome="not_found"),
        queue("r", at=1),
        get_run("r", "succeeded", at=2),
    ),
}

BAD = {
    "from running back to queued": (
        queue("r", at=0),
        get_run("r", "running", at=1),
        get_run("r", "queued", at=2),
    ),
    "from final back to running": (
        get_run("r", "succeeded", at=1),
        get_run("r", "running", at=2, probe="final_again"),
    ),
    "two final statuses": (get_run("r", "succeeded", at=1), get_run("r", "failed", at=2)),
    "two final statuses at once": (
        get_run("r", "succeeded", at=1, took=3),
        get_run("r", "canceled", at=2, took=3),
    ),
    "queued and then not found": (
        queue("r", at=0),
        get_run("r", at=1, outcome="not_found"),
        get_run("r", "succeeded", at=2),
    ),
    "queued, the answer lost, replayed, and then not found": (
        queue("", at=0, key="k", outcome="timeout"),
        queue("r", at=1, key="k", attempt=2, replayed=1),
        get_run("r", at=2, outcome="not_found"),
        get_run("r", "succeeded", at=3),
    ),
    "back after a long way": (
        get_run("r", "queued", at=0),
        get_run("q", "succeeded", at=0),
        get_run("r", "running", at=1),
        get_run("r", "running", at=2),
        get_run("r", "queued", at=3),
    ),
}

UNKNOWN = {
    "no run was asked after": (queue("r", at=0),),
    "no run ended": (queue("r", at=0), get_run("r", "running", at=1)),
    "every poll was lost": (queue("r", at=0), get_run("r", at=1, outcome="timeout")),
}


@parametrize_verdicts(GOOD, BAD, UNKNOWN)
def test_every_history_gets_its_verdict(verdict, rows):
    """A promise kept passes, a broken one fails with its witness, what tells nothing is unknown."""
    assert_verdict(CHECK, verdict, rows)


def test_a_run_is_late_when_it_is_seen_under_way_after_the_deadline():
    """Ten seconds after the queueing it runs still: too late for 5 s, in time for 20 s."""
    rows = (
        queue("r", at=0),
        get_run("r", "running", at=10),
        get_run("r", "succeeded", at=11),
    )
    tables = [{"run_deadline": "5s"}, {"run_deadline": "20s"}, {"deadline": "5s"}]
    plans = [{"scenario": {"run_polling": table}} for table in tables]

    assert [Verdict.FAIL, Verdict.PASS, Verdict.FAIL] == [
        finding_of(CHECK, rows, plan=plan).verdict for plan in plans
    ]


def test_a_run_is_late_when_only_a_replayed_answer_took_it_on():
    """The answer that made it was lost: its time runs from the replay, which came no sooner."""
    rows = (
        queue("", at=0, key="k", outcome="timeout"),
        queue("r", at=1, key="k", attempt=2, replayed=1),
        get_run("r", "running", at=10),
        get_run("r", "succeeded", at=11),
    )
    plans = [{"scenario": {"run_polling": {"run_deadline": span}}} for span in ("8s", "10s")]

    assert [Verdict.FAIL, Verdict.PASS] == [
        finding_of(CHECK, rows, plan=plan).verdict for plan in plans
    ]


@pytest.mark.parametrize(("at", "expected"), [(5.05, Verdict.PASS), (5.11, Verdict.FAIL)])
def test_a_poll_that_began_before_the_deadline_accuses_nobody(at, expected):
    """Queued at 0.1 s, due at 5.1 s: what was asked before then may be answered after it."""
    rows = (queue("r", at=0), get_run("r", "running", at=at), get_run("r", "succeeded", at=6))
    plan = {"scenario": {"run_polling": {"run_deadline": "5s"}}}

    assert expected is finding_of(CHECK, rows, plan=plan).verdict
