"""The ranks that enclose a quantile are those of the binomial distribution."""

from __future__ import annotations

import pytest
from scipy import stats

from harness.experiments.capacity.order_statistics import interval_ranks


@pytest.mark.parametrize("quantile", [0.001, 0.5, 0.9, 0.99, 0.9999])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_the_ranks_are_the_binomial_s(quantile, confidence):
    """As `scipy.stats` computes them; the harness does not import it."""
    for n in (*range(1, 100), 299, 300, 10_000, 1_000_000):
        low, high = stats.binom.ppf([(1 - confidence) / 2, (1 + confidence) / 2], n, quantile)

        assert (low, high + 1) == interval_ranks(n, quantile, confidence=confidence)
