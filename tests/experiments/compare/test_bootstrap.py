"""Blocks are as long as the memory, and their variance is that of the series."""

from __future__ import annotations

import numpy as np
import pytest

from harness.experiments.compare.bootstrap import block_steps, degrees_of_freedom, resample
from harness.experiments.compare.samples import Stratum
from tests.experiments.compare.simulated import _memory

ONE = (Stratum(0, 0, np.ones(300)),)


def test_a_series_without_memory_gets_the_root_of_its_steps():
    rng = np.random.default_rng(3)
    lengths = [block_steps([rng.standard_normal(300)], ONE) for _ in range(50)]
    assert np.median(lengths) == 17


def test_a_series_with_memory_gets_long_blocks():
    rng = np.random.default_rng(3)
    lengths = [block_steps([_memory(rng, 300, 0.9, 1.0)], ONE) for _ in range(50)]
    assert 20 <= np.median(lengths) <= 40  # Andrews' formula gives 34 at 0.9


def test_blocks_stay_in_their_stratum():
    strata = (Stratum(0, 0, np.ones(12)), Stratum(1, 12, np.ones(30)))
    weights = resample(np.random.default_rng(1), strata, 5, 400)
    assert weights.shape == (400, 42)
    assert (weights[:, :12].sum(axis=1) == 12).all()
    assert (weights[:, 12:].sum(axis=1) == 30).all()


def test_blocks_are_of_neighbours():
    weights = resample(np.random.default_rng(1), ONE, 30, 200)
    # 10 blocks of 30: a step's weight is that of the step before it but for 20 edges.
    assert np.abs(np.diff(weights, axis=1)).sum(axis=1).max() <= 20


def test_the_variance_of_a_mean_is_that_of_the_series():
    """AR(1) at 0.6: a mean's variance is (1 + 0.6) / (1 - 0.6) = 4 times that of noise."""
    rng = np.random.default_rng(11)
    found = []
    for _ in range(40):
        series = _memory(rng, 600, 0.6, 1.0)
        strata = (Stratum(0, 0, np.ones(600)),)
        weights = resample(rng, strata, block_steps([series], strata), 400)
        found.append((weights @ series / 600).var() * 600)
    assert np.mean(found) == pytest.approx(4.0, rel=0.2)


def test_degrees_are_those_of_the_blocks():
    assert degrees_of_freedom(ONE, 30) == pytest.approx(15.0)
    assert degrees_of_freedom((Stratum(0, 0, np.ones(1)),), 30) >= 1
