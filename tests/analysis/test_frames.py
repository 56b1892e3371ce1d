"""One row an attempt, one row a call."""

from __future__ import annotations

from harness.analysis.error_codes import count_error_codes
from harness.analysis.frames import CALL_COLUMNS, attempts, calls
from harness.trial.store import open_trial
from tests.trials import attempt, rate_limited, write_trial


def read(tmp_path, rows, **asked):
    """The frame of a written trial."""
    return attempts(open_trial(write_trial(tmp_path / "t", rows)), **asked)


def test_a_call_spans_its_attempts(tmp_path):
    """Refused at 0 s, retried at 1 s: wanted at the first, ended with the last, by id."""
    rows = [
        attempt(call_id=9, at_s=5.0, operation="get_run"),
        attempt(call_id=4, attempt=2, at_s=1.0, service_ms=20.0),
        rate_limited(call_id=4, attempt=1, at_s=0.0, disposition="retried"),
    ]
    frame = calls(read(tmp_path, rows, columns=CALL_COLUMNS))

    assert [4, 9] == frame["call_id"].tolist()
    assert [2, 1] == frame["attempts"].tolist()
    assert ["create_session", "get_run"] == frame["operation"].tolist()
    assert ["ok", "ok"] == frame["outcome"].tolist()
    assert ["done", "done"] == frame["disposition"].tolist()
    assert [1_020_000.0, 10_000.0] == frame["response_us"].tolist()


def test_a_call_that_gave_up_ends_with_its_last_outcome(tmp_path):
    """The last attempt tells how the call ended and why."""
    rows = [
        rate_limited(call_id=1, attempt=n, at_s=float(n), disposition=said)
        for n, said in ((1, "retried"), (2, "attempts_spent"))
    ]
    frame = calls(read(tmp_path, rows))

    assert [("rate_limited", "attempts_spent")] == (
        list(zip(frame["outcome"], frame["disposition"], strict=True))
    )


def test_no_attempt_is_no_call(tmp_path):
    """An empty log folds into an empty frame."""
    assert 0 == len(calls(read(tmp_path, [])))


def test_only_what_was_asked_for_is_in_the_frame(tmp_path):
    """Columns and operations are chosen while reading."""
    rows = [attempt(call_id=1), attempt(call_id=2, operation="get_run")]
    frame = read(tmp_path, rows, columns=["call_id"], operations={"get_run"})

    assert [2] == frame["call_id"].tolist()
    assert ["call_id"] == frame.columns.tolist()


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
