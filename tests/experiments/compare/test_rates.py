"""False alarms and detection, small; `make bench-stats` does it in full."""

from __future__ import annotations

import pytest

from benchmarks.compare.decisions import SHIFT, compare_pair

PAIRS = 8


@pytest.mark.slow
def test_no_change_is_hardly_ever_a_regression():
    found = [compare_pair(seed, 1.0, replicates=300) for seed in range(PAIRS)]
    # One of these eight seeds is an alarm; of the bench's 200 at most 5 % may be.
    assert sum(outcome.verdict == "regressed" for outcome in found) <= 1


@pytest.mark.slow
def test_ten_percent_more_p99_is_found():
    found = [compare_pair(seed, SHIFT, replicates=300) for seed in range(PAIRS)]
    assert sum("regressed" in outcome.p99 for outcome in found) >= PAIRS - 1
