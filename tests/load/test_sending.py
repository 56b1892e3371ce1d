"""Reports of a worker are bounded in size by being split: nothing of them is ever left out."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("rows", "noise", "piece_bytes", "more_than"),
    [(500, 0, 1 << 20, 0), (500, 5000, 1 << 20, 2), (64, 200, 4096, 4)],
)
def test_a_large_batch_is_split_not_truncated(rows, noise, piece_bytes, more_than):
    """Messages keep the bound and their order, and add up to the batch: rows and histograms."""
    args = [sys.executable, "-m", "tests.load.sending", str(rows), str(noise), str(piece_bytes)]
    done = subprocess.run(args, capture_output=True, text=True, check=True, timeout=60)
    told = json.loads(done.stdout)

    assert list(range(rows)) == told["calls"]
    assert told["same_intervals"]
    assert 15 == told["ended_s"]
    assert max(told["sizes"]) <= piece_bytes
    assert len(told["sizes"]) > more_than
