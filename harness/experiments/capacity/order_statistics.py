"""
How sure a percentile is, from order statistics alone.

For n independent values in rising order, the number below the true q-quantile is
binomial(n, q), whatever the distribution. So the values at ranks l and u, with
``P(l <= Binomial(n, q) < u) >= confidence``, enclose the quantile: no model, no bootstrap.

Source: David and Nagaraja, *Order Statistics*, 3rd ed. (2003), 7.1; Le Boudec,
*Performance Evaluation of Computer and Communication Systems* (2010), theorem 2.1.

The values must be independent. Response times of one queue are not: within seconds of
each other they share its backlog. There the interval is too narrow; see `decision` for
shares that allow for it.
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
    """
    A quantile with its interval, in the unit of the values.

    Attributes:
        estimate: The value at rank ``ceil(q n)``.
        low: Lower end; minus infinity when n is too small to have one.
        high: Upper end; infinity when n is too small to have one.
        n: Number of values.
    """

    estimate: float
    low: float
    high: float
    n: int


def quantile_of_values(
    values: npt.ArrayLike, quantile: float, *, confidence: float = 0.95
) -> Quantile:
    """
    The quantile of raw values, in any order.

    Raises:
        NothingObservedError: There is no value.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    return quantile_of_counts(
        ordered, np.ones(len(ordered), dtype=np.int64), quantile, confidence=confidence
    )


def quantile_of_counts(
    values: npt.ArrayLike, counts: npt.ArrayLike, quantile: float, *, confidence: float = 0.95
) -> Quantile:
    """
    The quantile of a histogram.

    Args:
        values: The buckets' values, rising.
        counts: How often each occurred.
        quantile: Between 0 and 1, both excluded.
        confidence: Least probability that the interval encloses the true quantile.

    Raises:
        NothingObservedError: The histogram is empty.
    """
    value_at = np.asarray(values, dtype=float)
    cumulative = np.cumsum(np.asarray(counts, dtype=np.int64))
    n = int(cumulative[-1]) if len(cumulative) else 0
    if n == 0:
        msg = "a percentile of nothing was asked for; no attempt was observed"
        raise NothingObservedError(msg)
    low, high = interval_ranks(n, quantile, confidence=confidence)

    def value(rank: int) -> float:
        return float(value_at[np.searchsorted(cumulative, rank)])

    estimate = value(max(1, math.ceil(round(quantile * n, 6))))
    return Quantile(
        estimate=estimate,
        low=value(low) if low >= 1 else -math.inf,
        high=value(high) if high <= n else math.inf,
        n=n,
    )


def interval_ranks(n: int, quantile: float, *, confidence: float = 0.95) -> tuple[int, int]:
    """
    Ranks, counted from 1, of the values that enclose the quantile.

    A lower rank of 0 or an upper rank of n + 1 means: there is no such value, n is too
    small. Each tail gets half of the error.
    """
    tail = (1 - confidence) / 2
    return _inverse_binomial(tail, n, quantile), _inverse_binomial(1 - tail, n, quantile) + 1


def _inverse_binomial(share: float, n: int, p: float) -> int:
    """
    The least k with ``P(Binomial(n, p) <= k) >= share``.

    It is what `scipy.stats.binom.ppf` gives, without the half second that takes to import.
    """
    k = max(0, math.ceil(special.bdtrik(share, n, p)) - 1)  # the inverse may be one off
    while special.bdtr(k, n, p) < share:
        k += 1
    return k


def needed_samples(quantile: float, *, confidence: float = 0.95) -> int:
    """
    The fewest values with which the quantile has an upper end at that confidence.

    That is the least n with ``1 - q**n >= confidence``: then at least one value lies
    beyond the quantile (one-sided). For q = 0.99 and 95 % it is 299; compare the
    3 / (1 - q) of the SLO check.
    """
    return math.ceil(math.log1p(-confidence) / math.log(quantile))
