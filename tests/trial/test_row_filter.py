"""Uneventful attempts are counted, not read."""

from __future__ import annotations

from harness.trial.store import open_trial
from tests.trials import attempt, write_trial


def test_uneventful_attempts_are_counted_and_the_others_read(tmp_path):
    """Retried, refused and broken attempts are read, with all of a retried call."""
    rows = [
        attempt(call_id=1, evidence="a"),
        attempt(call_id=7, evidence="a", worker="w2"),
        attempt(call_id=8, evidence="a", worker="w2", operation="get_run"),
        attempt(call_id=9, evidence="g"),
        attempt(call_id=9, evidence="h", attempt=2),
        attempt(call_id=10, evidence="i", status=0),
        attempt(call_id=11, evidence="j", status=429),
        attempt(call_id=2, evidence="b", disposition="retried"),
        attempt(call_id=2, evidence="c", attempt=2),
        attempt(call_id=3, evidence="d", violation="an unexpected status 203"),
        attempt(call_id=4, evidence="e", outcome="conflict", status=409),
        attempt(call_id=5, evidence="f", code="CLOUD_ODD"),
    ]
    trial = open_trial(write_trial(tmp_path / "trial", rows))

    table, uneventful = trial.eventful_attempts(["evidence"])

    assert list("ghijbcdef") == table["evidence"].to_pylist()
    assert {"local": 1, "w2": 2} == uneventful
