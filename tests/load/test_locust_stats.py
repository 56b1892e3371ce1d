"""Locust's own statistics: fed a batch at a time, they are what its events would make of it."""

from __future__ import annotations

import json
import subprocess
import sys


def test_a_batch_counts_as_its_events_would() -> None:
    """By phase and operation: requests, failures, times, buckets, bytes, errors, totals."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.load.displaying"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told = json.loads(done.stdout)

    assert told["fired"] == told["merged"]
    assert 5 == len(told["merged"]["entries"])
    assert 400 == told["merged"]["entries"]["total"]["requests"]
    assert told["merged"]["entries"]["total"]["failures"] > 0
    assert {"rates": [7.0, 7.0], "seconds": [61, 61], "history": [0, 1440, 721]} == told["bounded"]
