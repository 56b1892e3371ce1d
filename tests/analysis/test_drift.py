"""Drift: a rise of 20 % is flagged, a flat run is not."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analysis.drift import find_drift

POINTS = 60
CALLS = 3000


def percentiles(seed, rise, jump_at=None):
    """p50 and p99 of 60 minutes of lognormal latencies at 50/s that rise over the hour."""
    random = np.random.default_rng(seed)
    p50, p99 = [], []
    for point in range(POINTS):
        share = point / (POINTS - 1) if jump_at is None else float(point >= jump_at)
        times = random.lognormal(np.log(20.0 * (1 + rise * share)), 0.5, CALLS)
        p50.append(float(np.quantile(times, 0.5)))
        p99.append(float(np.quantile(times, 0.99)))
    return p50, p99


@pytest.mark.parametrize("seed", range(20))
def test_a_rise_of_20_percent_is_flagged(seed):
    """In the median and in the tail, by about as much as it rose."""
    for values in percentiles(seed, 0.2):
        drift = find_drift(values)

        assert drift.rises
        assert abs(drift.rise - 0.2) < 0.05


@pytest.mark.parametrize("seed", range(20))
def test_a_flat_run_is_not_flagged(seed):
    """Neither as a rise nor as a step."""
    for values in percentiles(seed, 0.0):
        drift = find_drift(values)

        assert not drift.rises
        assert drift.step_at is None


@pytest.mark.parametrize("seed", range(5))
def test_a_step_is_found_where_it_is(seed):
    """A jump of a third after 40 of 60 minutes."""
    drift = find_drift(percentiles(seed, 1 / 3, jump_at=40)[0])

    assert 40 == drift.step_at
    assert 0.28 <= drift.step <= 0.38


def test_a_line_is_found_exactly():
    """From 100 to 150 by equal steps: half as much again."""
    drift = find_drift(np.linspace(100, 150, 51))

    assert (0.5, 0.5, 0.5) == (
        round(drift.rise, 9), round(drift.low, 9), round(drift.high, 9),
    )  # fmt: skip


def test_too_few_points_say_nothing():
    """Nor do figures that are none."""
    assert find_drift([1.0] * 19) is None
    assert find_drift([float("nan")] * 100) is None
