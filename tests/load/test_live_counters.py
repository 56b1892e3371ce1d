"""Counts for metrics: a bucket holds what is as long as its bound, not longer."""

from __future__ import annotations

import pytest

from harness.load.live_counters import BOUNDS_US, LiveCounters
from harness.trial.batches import attempts_table, bucket_table
from tests.trials import attempt


@pytest.mark.parametrize(
    ("service_us", "bucket"),
    [(1, 0), (500, 0), (501, 1), (630, 1), (631, 2), (39_900_000, 49), (41_000_000, 50)],
)
def test_a_latency_counts_in_the_first_bucket_that_holds_it(service_us, bucket):
    """Beyond the last bound there is one more; probes are left out."""
    rows = [attempt(service_ms=service_us / 1000), attempt(phase="probe")]
    tally = LiveCounters()
    tally.add(bucket_table(attempts_table(rows)))
    (series,) = [one for one in tally.series() if one.metric == "service"]

    assert 50 == len(BOUNDS_US)
    assert [bucket] == [place for place, count in enumerate(series.buckets) if count]
    assert (1, "create_session", "ok") == (series.count, series.operation, series.outcome)
