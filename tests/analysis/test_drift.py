"""Drift: a rise of 20 % is flagged, a flat run is not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from harness.analysis.drift import CONFIDENCE, Drift, find_drift, find_slope

POINTS = 60
CALLS = 3000


MEMORIES = [(0.0, 0.0), (0.5, 0.03), (0.8, 0.02)]
"""Correlation of a minute with the next, and how much the minutes' levels vary."""


def percentiles(seed, rise, jump_at=None, memory=(0.0, 0.0)):
    """p50 and p99 of 60 minutes of lognormal latencies at 50/s that rise over the hour."""
    random = np.random.default_rng(seed)
    rho, spread = memory
    point = np.arange(POINTS)
    share = point / (POINTS - 1) if jump_at is None else point >= jump_at
    middle = np.log(20.0 * (1 + rise * share)) + remembering(random, rho, spread)
    times = random.lognormal(middle[:, None], 0.5, (POINTS, CALLS))
    return np.quantile(times, [0.5, 0.99], axis=1)


def remembering(random, rho, spread):
    """An AR(1) series of 60 points."""
    shocks = random.normal(0, spread * math.sqrt(1 - rho**2), POINTS)
    level = [random.normal(0, spread)]
    for shock in shocks[1:]:
        level.append(rho * level[-1] + shock)
    return np.array(level)


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("seed", range(20))
def test_a_rise_of_20_percent_is_flagged(seed, memory):
    """In the median and in the tail, by about as much as it rose."""
    for values in percentiles(seed, 0.2, memory=memory):
        drift = find_drift(values)

        assert drift.rises
        assert abs(drift.rise - 0.2) < 0.05 + 3 * memory[1]


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("seed", range(20))
def test_a_flat_run_is_not_flagged(seed, memory):
    """Neither as a rise nor as a step, also where a slow minute makes the next one slow."""
    for values in percentiles(seed, 0.0, memory=memory):
        drift = find_drift(values)

        assert not drift.rises
        assert drift.step_at is None


def test_the_interval_holds_the_slope_though_points_have_a_memory():
    """Of 200 series without a slope, whose points correlate by 0.6, nine in ten."""
    random, held = np.random.default_rng(4), 0
    for _ in range(200):
        slope = find_slope(remembering(random, 0.6, 1.0))
        held += slope.low <= 0 <= slope.high

    assert held >= 0.9 * 200


def test_independent_points_have_the_interval_of_kendall_s_tau():
    """As scipy has it, but for what 60 points show of memory by chance."""
    values = np.random.default_rng(0).normal(100, 1, POINTS)
    ours, theirs = find_slope(values), stats.theilslopes(values, alpha=CONFIDENCE)

    assert math.isclose(theirs.slope, ours.estimate)
    assert ours.low <= theirs.low_slope < theirs.high_slope <= ours.high
    assert ours.high - ours.low < 1.5 * (theirs.high_slope - theirs.low_slope)


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


@pytest.mark.parametrize(
    ("rise", "low", "rises"),
    [(0.2, 0.01, True), (0.2, -0.01, False), (0.079, 0.01, False), (0.08, 0.01, True)],
)
def test_a_rise_counts_when_it_is_clear_and_large(rise, low, rises):
    """Either alone does not count."""
    assert rises is Drift(rise, low, 1.0, None, 0.0).rises
