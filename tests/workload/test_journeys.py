"""Journeys are the same for the same number, and use known methods."""

from __future__ import annotations

from harness.contract.sockets import ACTION_METHODS
from harness.workload.journeys import make_journey


def test_journeys_are_pure_and_of_known_methods():
    """The same arrival walks the same way; ways differ; every method exists."""
    ways = [make_journey(7, number) for number in range(300)]
    assert ways == [make_journey(7, number) for number in range(300)]
    assert {"goto"} == {way[0].method for way in ways}
    assert {step.method for way in ways for step in way} <= ACTION_METHODS.keys()
    assert len({str(way) for way in ways}) > 250
    assert (8, 15) >= (min(map(len, ways)), max(map(len, ways))) >= (7, 13)
