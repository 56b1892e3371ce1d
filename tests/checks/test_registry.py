"""Which checks a trial is held to, and that a healthy trial passes them all."""

from __future__ import annotations

from harness.checks.registry import CHECKS, run_checks
from harness.verdicts import Verdict
from tests.histories import (
    context,
    create,
    delete,
    get_run,
    get_session,
    history,
    imports,
    page,
    queue,
    reader,
    socket_probe,
    webhook,
)

HEALTHY = (
    create("s", at=0, key="c", body="b"),
    get_session("s", "active", at=1),
    delete("s", at=2),
    queue("r", at=0, key="k", body="b", webhook=True),
    queue("r", at=1, key="k", body="b", replayed=1, probe="same_key_same_body"),
    get_run("r", "running", at=1),
    get_run("r", "succeeded", at=3),
    page("r", 6, 10, next=6, at=4),
    page("r", 1, 5, cursor=6, at=5),
    imports(1, inserted=1, expect=(1, 0, 0, 0), at=0),
    socket_probe("wrong_token", at=1),
)
EVENTS = (webhook("r", at=3.5, tag="k"),)


def judge_all(rows, events=EVENTS, **options):
    """The findings, in order."""
    return run_checks(reader(history(*rows)), context(*events, **options))


def test_a_healthy_trial_passes_every_check():
    """One finding a check, in order, all of them passes."""
    findings = judge_all(HEALTHY)

    assert [(check.name, Verdict.PASS) for check in CHECKS] == [
        (finding.name, finding.verdict) for finding in findings
    ], [finding.detail for finding in findings]


def test_what_cannot_be_broken_is_left_out():
    """A trial of imports owes a word about the cache, the contract and the retries only."""
    findings = judge_all([HEALTHY[-2]], events=())

    assert ["cache.accounting", "contract.responses", "retries.discipline"] == [
        finding.name for finding in findings
    ]


def test_webhooks_are_judged_only_where_one_was_asked_for_or_came():
    """A run without a webhook owes no delivery; a delivery all the same is judged."""
    rows = (queue("r", at=0, key="k"), get_run("r", "succeeded", at=1))

    assert "webhooks.delivery" not in [finding.name for finding in judge_all(rows, events=())]
    assert "webhooks.delivery" in [finding.name for finding in judge_all(rows)]


def test_a_trial_without_attempts_is_unknown():
    """Every check says so; none passes."""
    findings = judge_all((), events=())

    assert {Verdict.UNKNOWN} == {finding.verdict for finding in findings}
    assert len(CHECKS) - 1 == len(findings)


def test_no_more_is_read_than_the_checks_name():
    """Each reading has the columns and operations of its checks and no other; each is served."""
    asked = []
    run_checks(reader(history(*HEALTHY), asked), context(*EVENTS))
    readings = asked[1:]

    assert len(readings) < len(CHECKS)
    for columns, operations in readings:
        served = [
            check
            for check in CHECKS
            if set(check.columns) <= set(columns)
            and (operations is None or set(check.operations or ()) <= set(operations))
        ]
        assert set(columns) == {name for check in served for name in check.columns}
        if operations is not None:
            named = [check for check in served if check.operations is not None]
            assert set(operations) == {n for check in named for n in check.operations}
    for check in CHECKS:
        assert any(set(check.columns) <= set(columns) for columns, _ in readings)


def test_a_log_that_cannot_be_read_is_unknown():
    """A damaged column is a doubt about the checks that need it."""

    def read(columns, operations=None, *, skip_uneventful=False):
        if "evidence" in columns:
            msg = "damaged"
            raise OSError(msg)
        return reader(history(*HEALTHY))(columns, operations, skip_uneventful=skip_uneventful)

    verdicts = {finding.name: finding.verdict for finding in run_checks(read, context())}

    assert Verdict.UNKNOWN is verdicts["runs.lifecycle"]
    assert Verdict.PASS is verdicts["contract.responses"]
