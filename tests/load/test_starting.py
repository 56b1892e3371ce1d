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
    Half of the starts come within a millisecond of the plan.

    The machine may be busy with others for a while, so the best of five is taken: a timer
    that rounds to milliseconds would be half a millisecond late at best, and one that adds
    up its errors would be later each time.
    """
    medians_ns = []
    for _ in range(5):
        told = next_arrival()
        numbers, late_ns = zip(*told["starts"], strict=True)

        assert list(range(RATE)) == list(numbers)
        assert told["begun"] == RATE
        assert min(late_ns) >= 0
        medians_ns.append(statistics.median(late_ns))
        if medians_ns[-1] < 400_000:
            break

    assert min(medians_ns) < 1_000_000
