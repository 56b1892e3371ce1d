"""
Metrics of a side for many weightings of its steps.

A replicate is a row of weights. Its percentiles are nearest ranks of the weighted counts,
computed as those of the side (all weights 1) or of one trial (its own steps 1, others 0).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.analysis.distributions import METRICS, PERCENTILES, US_PER_MS
from harness.experiments.compare.samples import Floats, Side, Times

_CELLS_AT_ONCE = 4_000_000


def count_ok(side: Side, operation: str) -> Floats:
    """Successes of each step."""
    counts = side.outcomes.get(operation, {}).get("ok")
    return np.zeros(side.steps) if counts is None else counts.astype(np.float64)


def count_all(side: Side, operation: str) -> Floats:
    """Attempts of each step."""
    by_outcome = side.outcomes.get(operation, {})
    total: Floats = sum(
        (counts.astype(np.float64) for counts in by_outcome.values()), np.zeros(side.steps)
    )
    return total


def throughput_per_s(side: Side, operation: str, weights: Floats) -> Floats:
    """Successes a second of each replicate; NaN where it drew no measured time."""
    seconds = weights @ side.seconds
    nothing = np.full_like(seconds, np.nan)
    rate: Floats = np.divide(
        weights @ count_ok(side, operation), seconds, out=nothing, where=seconds > 0
    )
    return rate


def share(side: Side, operation: str, outcome: str, weights: Floats) -> Floats:
    """Share of attempts with that outcome, of each replicate; NaN without attempts."""
    counts = side.outcomes.get(operation, {}).get(outcome)
    hits = np.zeros(len(weights)) if counts is None else weights @ counts
    total = weights @ count_all(side, operation)
    with np.errstate(invalid="ignore", divide="ignore"):
        part: Floats = hits / total
    return part


def percentiles_ms(times: Times, steps: int, weights: Floats) -> dict[str, Floats]:
    """Percentiles (``p50`` … ``p99.9``) of each replicate, in ms; NaN if it is empty."""
    cumulative, highest_us = times.cumulative(steps)
    width = max(cumulative.shape[1], 1)
    found = {name: np.full(len(weights), np.nan) for name in percentile_fractions()}
    chunk = max(1, _CELLS_AT_ONCE // width)
    for begin in range(0, len(weights), chunk):
        running = weights[begin : begin + chunk] @ cumulative
        total = running[:, -1]
        for name, fraction in percentile_fractions().items():
            rank = np.maximum(np.ceil(fraction * total * (1 - 1e-12)), 1)
            place = np.minimum((running < rank[:, None]).sum(axis=1), width - 1)
            values = highest_us[place] / US_PER_MS
            found[name][begin : begin + chunk] = np.where(total > 0, values, np.nan)
    return found


def percentile_fractions() -> dict[str, float]:
    """Percentile names, such as ``p99.9``, and their fractions."""
    return {name.replace("_", "."): fraction for name, fraction in PERCENTILES.items()}


def autocorrelated_series(side: Side, operation: str) -> Iterator[Floats]:
    """Series whose autocorrelation sets the block length: load, failures, slow responses."""
    attempts = count_all(side, operation)
    yield attempts
    yield attempts - count_ok(side, operation)
    for metric in METRICS:
        if (times := side.times.get((operation, metric))) is None:
            continue
        cumulative, _ = times.cumulative(side.steps)
        running = cumulative.sum(axis=0)
        for fraction in (0.5, 0.9, 0.99):
            bin_ = int(np.searchsorted(running, fraction * running[-1]))
            total = cumulative[:, -1]
            # Values above the side's own percentile, minus the expected number.
            yield (total - cumulative[:, bin_]) - (1 - running[bin_] / running[-1]) * total
