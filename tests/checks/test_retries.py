"""Retries as the plan allows, and retries that are not."""

from __future__ import annotations

import pytest

from harness.checks.retries import CHECK
from harness.verdicts import Verdict
from tests.histories import (
    assert_verdict,
    create,
    finding_of,
    get_run,
    parametrize_verdicts,
    queue,
)

PLAN = {"retry": {"attempts": 3, "budget_fraction": 0.1, "deadline": "10s"}}


def chain(*rows):
    """The rows as attempts 1, 2, … of one call; all but the last were followed."""
    for number, row in enumerate(rows, 1):
        row |= {"call_id": 1, "attempt": number}
        row["disposition"] = "done" if number == len(rows) else "retried"
    return rows


GOOD = {
    "no retry": (create("s"), get_run("r", "queued")),
    "a retry after its wait": chain(
        create("", at=0, key="k", outcome="rate_limited"),
        create("s", at=1.1, key="k"),
    ),
    "a read is repeatable without a key": chain(
        get_run("r", at=0, outcome="timeout"),
        get_run("r", "queued", at=0.2),
    ),
    "three attempts": chain(
        create("", at=0, key="k", outcome="timeout"),
        create("", at=1, key="k", outcome="server_error"),
        create("s", at=2, key="k"),
    ),
    "a wait that the server did not ask for": chain(
        get_run("r", at=0, outcome="timeout"),
        get_run("r", at=3, outcome="connection_lost"),
        get_run("r", "queued", at=9.9),
    ),
    "a call given up without another attempt": (
        create("", at=0, key="k", outcome="timeout", disposition="budget_spent"),
    ),
    "a Retry-After that the load did not outlast": (
        create("", at=50, key="k", outcome="rate_limited", disposition="retried", retry_after_s=11),
    ),
    "a backoff that the load did not outlast": (
        get_run("r", at=50, call=1, outcome="timeout", disposition="retried"),
        get_run("r", at=58, call=1, attempt=2, outcome="timeout", disposition="retried"),
    ),
    "the cleanup tries harder": chain(
        *(create("", at=n, key="k", outcome="timeout", phase="cleanup") for n in range(5)),
    ),
}

BAD = {
    "before Retry-After was over": chain(
        create("", at=0, key="k", outcome="rate_limited"),
        create("s", at=1.0, key="k"),
    ),
    "before the answer was there": chain(
        create("", at=0, took=2, key="k", outcome="timeout"),
        create("s", at=1, key="k"),
    ),
    "not repeatable without a key": chain(
        queue("", at=0, outcome="timeout"),
        queue("r", at=1),
    ),
    "under another key": chain(
        queue("", at=0, key="k1", outcome="timeout"),
        queue("r", at=1, key="k2"),
    ),
    "with another body": chain(
        queue("", at=0, key="k", outcome="timeout", body="a"),
        queue("r", at=1, key="k", body="b"),
    ),
    "after a success": chain(get_run("r", "queued", at=0), get_run("r", "queued", at=1)),
    "after a refusal that no retry mends": chain(
        create("", at=0, key="k", outcome="auth_failed"),
        create("s", at=1, key="k"),
    ),
    "a fourth attempt of three": chain(
        *(create("", at=n, key="k", outcome="timeout") for n in range(4)),
    ),
    "after the deadline": chain(
        create("", at=0, key="k", outcome="timeout"),
        create("s", at=11, key="k"),
    ),
    "an attempt is missing": (create("s", at=1, key="k", attempt=2),),
    "announced and never made": (create("", key="k", outcome="timeout", disposition="retried"),),
    "announced, never made, and due before the load ended": (
        create("", at=50, key="k", outcome="rate_limited", disposition="retried", retry_after_s=9),
    ),
    "after giving up": (
        create("", at=0, key="k", call=1, outcome="timeout", disposition="budget_spent"),
        create("s", at=1, key="k", call=1, attempt=2),
    ),
    "beyond the budget": tuple(
        row
        for n in range(1, 13)
        for row in (
            get_run("r", at=n, call=n, outcome="timeout", disposition="retried"),
            get_run("r", "queued", at=n + 0.5, call=n, attempt=2),
        )
    ),
}

UNKNOWN = {"no call": ()}


@parametrize_verdicts(GOOD, BAD, UNKNOWN)
def test_every_history_gets_its_verdict(verdict, rows):
    """A promise kept passes, a broken one fails with its witness, what tells nothing is unknown."""
    assert_verdict(CHECK, verdict, rows, plan=PLAN)


@pytest.mark.parametrize("name", ["an attempt is missing", "announced and never made"])
def test_holes_prove_nothing_where_attempts_are_missing(name):
    """A worker that was lost took its last attempts with it."""
    assert Verdict.PASS is finding_of(CHECK, BAD[name], plan=PLAN, worker="lost").verdict
