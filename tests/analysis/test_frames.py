"""What a check reads of the attempt log."""

from __future__ import annotations

from harness.analysis.frames import read_attempts
from harness.trial.store import open_trial
from tests.trials import attempt, rate_limited, write_trial


def test_only_what_was_asked_for_is_in_the_frame(tmp_path):
    """Columns and operations are chosen while reading."""
    rows = [attempt(call_id=1), attempt(call_id=2, operation="get_run")]
    trial = open_trial(write_trial(tmp_path / "t", rows))
    frame, uneventful = read_attempts(trial, ["call_id"], {"get_run"})

    assert [2] == frame["call_id"].tolist()
    assert ["call_id"] == frame.columns.tolist()
    assert {} == uneventful


def test_uneventful_attempts_are_counted_by_worker(tmp_path):
    """A success of the first attempt is not in the frame; both attempts of a retry are."""
    rows = [
        attempt(call_id=1),
        rate_limited(call_id=2, attempt=1, disposition="retried"),
        attempt(call_id=2, attempt=2, at_s=1.0),
    ]
    trial = open_trial(write_trial(tmp_path / "t", rows))
    frame, uneventful = read_attempts(trial, ["call_id"], skip_uneventful=True)

    assert [2, 2] == frame["call_id"].tolist()
    assert [1] == list(uneventful.values())
