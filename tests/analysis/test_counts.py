"""Attempts counted by their error codes."""

from __future__ import annotations

from harness.analysis.counts import count_error_codes
from harness.trial.store import open_trial
from tests.trials import attempt, rate_limited, write_trial


def test_errors_are_counted_by_code_and_operation(tmp_path):
    """Most frequent first; the share is of all attempts of that operation."""
    rows = [attempt(call_id=n) for n in range(7)]
    rows += [rate_limited(call_id=10 + n) for n in range(3)]
    rows += [attempt(call_id=20, operation="get_run", outcome="timeout", status=0)]
    trial = open_trial(write_trial(tmp_path / "t", rows))

    assert [
        ("CLOUD_RATE_LIMITED", 429, "create_session", "rate_limited", 3, 0.3),
        ("", 0, "get_run", "timeout", 1, 1.0),
    ] == list(count_error_codes(trial.attempts_table()).itertuples(index=False, name=None))
