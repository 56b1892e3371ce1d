"""Fault windows from events."""

from __future__ import annotations

from harness.analysis.fault_windows import collect_fault_windows, describe_settings
from tests.trials import NS, T0, event

EVENTS = (
    event(1, "fault", fault="slow", number=0, edge="start", rate_bytes_per_s=9, probability=0.5),
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
    """Each has its own window and injections; one without an end lasts as long as the load."""
    windows = collect_fault_windows(EVENTS, T0 * NS, 10.0)

    assert [
        ("slow", 1.0, 4.0, (3.0,)),
        ("slow", 2.0, 10.0, (5.0,)),
        ("restart", 6.0, 7.0, ()),
        ("refuse", 7.5, 10.0, (7.5,)),
    ] == [(one.name, one.start_s, one.end_s, one.injections_s) for one in windows]
    assert ["rate_bytes_per_s=9, probability=0.5", "", "down=1s", ""] == [
        describe_settings(one) for one in windows
    ]


def test_a_fault_that_begins_after_the_load_has_ended_has_no_length():
    """A window of the cleanup: it never ends before it began."""
    [window] = collect_fault_windows(
        [event(30, "fault", "proxy", fault="latency", edge="start")], T0 * NS, 20.0
    )

    assert (30.0, 30.0) == (window.start_s, window.end_s)
