"""Starts of an open load: all of them, in order, never early, and within a millisecond."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

import pytest

RATE, USERS = 200, 5


def next_arrival() -> dict:
    """One second of starts, in a process of its own."""
    args = [sys.executable, "-m", "tests.load.starting", str(RATE), str(USERS)]
    done = subprocess.run(args, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


@pytest.mark.alone
def test_starts_are_on_time() -> None:
    """
    Half of the starts are at most 0.4 ms later than plain sleeps, or 1 ms on a busy machine.

    The lateness of plain sleeps in the same process shows how busy the machine is. A timer that
    rounds to milliseconds would be half a millisecond late, one that adds up errors more.
    """
    medians_ns = []
    for _ in range(3):
        seen = next_arrival()
        numbers, late_ns = zip(*seen["starts"], strict=True)

        assert list(range(RATE)) == list(numbers)
        assert seen["begun"] == RATE
        assert min(late_ns) >= 0
        medians_ns.append(statistics.median(late_ns) - statistics.median(seen["plain"]))
        if medians_ns[-1] < 400_000:
            break

    assert min(medians_ns) < 1_000_000
