"""Delayed probes are sent after 1 s, 3 s, 9 s; their number is bounded."""

from __future__ import annotations

from harness.load.delayed_probes import PENDING_MAX, DelayedProbes
from harness.units import NS_PER_S


def ask(_client):
    """Send one request again."""


def test_a_request_comes_up_at_one_three_and_nine_seconds():
    """Each age is three times the one before it; nothing comes up early."""
    delayed_probes, seen = DelayedProbes(), []
    delayed_probes.schedule(ask, 0)
    for tenth in range(300):
        if delayed_probes.next_due(tenth * NS_PER_S // 10) is not None:
            seen.append(tenth / 10)

    assert [1.0, 3.0, 9.0, 27.0] == seen


def test_no_more_are_remembered_than_there_is_room_for():
    """While it is full nothing is taken; what is asked again keeps its place."""
    delayed_probes = DelayedProbes()
    for _ in range(PENDING_MAX + 5):
        delayed_probes.schedule(ask, 0)
    due = sum(delayed_probes.next_due(NS_PER_S) is not None for _ in range(PENDING_MAX + 5))

    assert PENDING_MAX == due
    assert delayed_probes.next_due(3 * NS_PER_S) is ask
