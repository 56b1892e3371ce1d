"""Faults told by their events, and probes told by their attempts."""

from __future__ import annotations

from harness.analysis.strikes import count_probes, describe_settings, gather_strikes
from harness.trial.store import open_trial
from tests.trials import NS, T0, attempt, event, write_trial

EVENTS = (
    event(
        1, "fault", fault="slow", number=0, edge="start", rate_bytes_per_s=9, probability=0.5
    ),
    event(2, "fault", fault="slow", number=1, edge="start", **{"from": "2s"}),
    event(3, "fault", fault="slow", number=0, edge="hit"),
    event(4, "fault", fault="slow", number=0, edge="end"),
    event(5, "fault", fault="slow", number=1, edge="hit"),
    event(6, "fault", fault="restart", number=0, edge="start", down="1s", at="6s"),
    event(7, "fault", fault="restart", number=0, edge="end"),
    event(7.5, "fault", fault="refuse", number=3, edge="hit"),
    event(8, "note", text="no fault"),
)


def test_two_faults_of_one_kind_are_two():
    """Each has its own window and strikes; what has no end lasts as long as the load."""
    told = gather_strikes(EVENTS, T0 * NS, 10.0)

    assert [
        ("slow", 1.0, 4.0, (3.0,)),
        ("slow", 2.0, 10.0, (5.0,)),
        ("restart", 6.0, 7.0, ()),
        ("refuse", 7.5, 10.0, (7.5,)),
    ] == [(one.name, one.start_s, one.end_s, one.hits_s) for one in told]
    assert ["rate_bytes_per_s=9, probability=0.5", "", "down=1s", ""] == [
        describe_settings(one) for one in told
    ]


def test_probes_are_counted_by_what_they_were_for(tmp_path):
    """Two probes of one kind, one that does not say, and load that is none."""
    probe = {"phase": "probe", "operation": "get_run"}
    rows = [
        attempt(call_id=1),
        attempt(call_id=2, **probe, evidence='{"probe":"final_again"}'),
        attempt(call_id=3, **probe, evidence='{"status":"failed","probe":"final_again"}'),
        attempt(call_id=4, **probe, evidence="{{", outcome="not_found"),
    ]
    counted = count_probes(open_trial(write_trial(tmp_path / "t", rows)))

    assert [
        ("get_run", "final_again", "ok", 2),
        ("get_run", "other", "not_found", 1),
    ] == [tuple(row) for row in counted.itertuples(index=False)]
