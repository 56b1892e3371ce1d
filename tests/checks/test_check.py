"""A check's two safeguards, and what it gets to see."""

from __future__ import annotations

import pandas as pd
import pytest

from harness.checks.check import Check, TrialContext, run_check
from harness.trial.schema import Manifest
from harness.verdicts import Finding, Verdict


@pytest.fixture
def context():
    manifest = Manifest(
        schema=1,
        trial_id="t",
        scenario="s",
        host="http://127.0.0.1",
        model="open",
        plan={},
        seed=0,
        versions={},
        workers=[],
        phases=[],
        started_ns=0,
        ended_ns=1,
        state="complete",
    )
    return TrialContext(manifest, ())


ATTEMPTS = pd.DataFrame(
    {
        "operation": pd.Categorical(["create_session", "get_run", "create_session"]),
        "status": [201, 200, 503],
        "outcome": pd.Categorical(["ok", "ok", "capacity_full"]),
    }
)


def passing(frame, _context):
    return Finding("p.q", "invariant", Verdict.PASS, f"{list(frame.columns)} {len(frame)}")


def test_a_check_sees_its_columns_and_operations_only(context):
    """The frame is narrowed to the named columns and to rows of the named operations."""
    check = Check("p.q", ("status",), ("create_session",), passing)

    assert "['status'] 2" == run_check(check, ATTEMPTS, context).detail


def test_a_check_of_every_operation_sees_every_row(context):
    """``operations=None`` leaves no row out."""
    check = Check("p.q", ("operation", "status"), None, passing)

    assert "['operation', 'status'] 3" == run_check(check, ATTEMPTS, context).detail


def test_a_check_that_raises_is_unknown_with_the_last_line(context):
    """A crash never looks like a pass, and its last line is in the detail."""

    def crash(_frame, _context):
        msg = "three sheep, two pens"
        raise ValueError(msg)

    finding = run_check(Check("p.q", ("status",), None, crash), ATTEMPTS, context)

    assert (
        Finding(
            "p.q",
            "invariant",
            Verdict.UNKNOWN,
            "the check itself failed: ValueError: three sheep, two pens",
        )
        == finding
    )


def test_a_missing_column_is_unknown(context):
    """A frame without a named column is a doubt, not an exception."""
    finding = run_check(Check("p.q", ("replayed",), None, passing), ATTEMPTS, context)

    assert Verdict.UNKNOWN is finding.verdict
    assert "replayed" in finding.detail


def test_a_pass_over_nothing_is_unknown(context):
    """No attempt of the check's operations: the pass is taken back."""
    finding = run_check(Check("p.q", ("status",), ("queue_run",), passing), ATTEMPTS, context)

    assert (Verdict.UNKNOWN, "no attempt of queue_run was observed") == (
        finding.verdict,
        finding.detail,
    )


def test_a_failure_over_nothing_stands(context):
    """What a check knows from events or the manifest alone is kept when it fails."""

    def failing(_frame, _context):
        return Finding("p.q", "invariant", Verdict.FAIL, "2 webhooks forged")

    finding = run_check(Check("p.q", ("status",), ("queue_run",), failing), ATTEMPTS, context)

    assert Verdict.FAIL is finding.verdict
