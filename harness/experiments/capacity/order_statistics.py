"""
The confidence interval of a percentile from order statistics.

Of n independent values, the number below the true q-quantile is binomial(n, q) for every
distribution. So the values at ranks l and u with
``P(l <= Binomial(n, q) < u) >= confidence`` enclose the quantile, without a model.

Source: David and Nagaraja, *Order Statistics*, 3rd ed. (2003), 7.1; Le Boudec,
*Performance Evaluation of Computer and Communication Systems* (2010), theorem 2.1.

The values must be independent. Response times of one queue share its backlog within
seconds, so their interval is too narrow; `decision` corrects shares for that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from harness.errors import NothingObservedError


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile with its interval, in the unit of the values."""

    estimate: float  # The value at rank ``ceil(q n)``
    low: float  # low, high: The interval; infinite ends where n is too small
    high: float
    n: int  # Number of values


def quantile_of_values(
    values: npt.ArrayLike, quantile: float, *, confidence: float = 0.95
) -> Quantile:
    """The quantile (0 to 1, excluded) of values in any order; NothingObservedError without any."""
    ordered = np.sort(np.asarray(values, dtype=float))
    n = len(ordered)
    if n == 0:
        raise NothingObservedError("no value to take a percentile of; no attempt was observed")
    low, high = interval_ranks(n, quantile, confidence=confidence)
    return Quantile(
        estimate=float(ordered[max(1, math.ceil(round(quantile * n, 6))) - 1]),
        low=float(ordered[low - 1]) if low >= 1 else -math.inf,
        high=float(ordered[high - 1]) if high <= n else math.inf,
        n=n,
    )


def interval_ranks(n: int, quantile: float, *, confidence: float = 0.95) -> tuple[int, int]:
    """
    Ranks from 1 of the values that enclose the quantile, with half the error in each tail.

    A lower rank of 0 or an upper rank of n + 1 means that n is too small for that end.
    """
    tail = (1 - confidence) / 2
    return _inverse_binomial(tail, n, quantile), _inverse_binomial(1 - tail, n, quantile) + 1


def _inverse_binomial(share: float, n: int, p: float) -> int:
    """The least k with ``P(Binomial(n, p) <= k) >= share``; `scipy.stats` takes 0.5 s to import."""
    k = max(0, math.ceil(special.bdtrik(share, n, p)) - 1)  # the inverse may be one off
    while special.bdtr(k, n, p) < share:
        k += 1
    return k
