"""
Pairs of runs whose truth is known: 200 attempts a second with a memory.

Times are lognormal; each second multiplies them by a level that follows an AR(1) series
(a slow second is followed by slow ones), so that seconds are far from independent. A
*shift of the tail* multiplies the slowest 5 %: p50 and p90 stay, p99 moves by its factor.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pyarrow as pa

from harness.experiments.compare.samples import TrialSample
from harness.trial.histograms import Encoder, bucket_indices
from harness.trial.schema import INTERVALS, PhaseWindow
from tests.trials import NS, T0, manifest

SECONDS, RATE = 300, 200
RHO, LEVEL_SIGMA, SIGMA, MEDIAN_US = 0.6, 0.02, 0.4, 20_000.0


def simulate(
    rng: np.random.Generator,
    *,
    seconds: int = SECONDS,
    rate: float = RATE,
    tail: float = 1.0,
    slower: float = 1.0,
    errors: float = 0.002,
    rho: float = RHO,
    level_sigma: float = LEVEL_SIGMA,
    operation: str = "create_session",
) -> TrialSample:
    """One run; response time is service time plus a wait of 1 ms."""
    arrivals = rng.poisson(rate, seconds)
    second = np.repeat(np.arange(seconds), arrivals)
    noise = rng.normal(0, SIGMA, len(second))
    level = _memory(rng, seconds, rho, level_sigma)[second]
    slow = noise > 1.645 * SIGMA
    times_us = MEDIAN_US * slower * np.exp(noise + level) * np.where(slow, tail, 1.0)
    failed = rng.random(len(second)) < errors
    rows = [
        row
        for metric, wait_us in (("service", 0.0), ("response", 1000.0))
        for outcome, chosen in (("ok", ~failed), ("timeout", failed))
        for row in _intervals(
            second[chosen], times_us[chosen] + wait_us, operation, outcome, metric
        )
    ]
    table = pa.Table.from_pandas(pd.DataFrame(rows, columns=INTERVALS.names), INTERVALS)
    phase = PhaseWindow("steady", T0 * NS, (T0 + seconds) * NS)
    return TrialSample(manifest(phases=[phase], ended_ns=(T0 + seconds) * NS), table)


def _memory(rng, seconds, rho, sigma):
    """An AR(1) series with standard deviation sigma."""
    level = np.empty(seconds)
    level[0] = rng.normal(0, sigma)
    steps = rng.normal(0, sigma * np.sqrt(1 - rho**2), seconds)
    for second in range(1, seconds):
        level[second] = rho * level[second - 1] + steps[second]
    return level


def _intervals(second, times_us, operation, outcome, metric):
    encoder = Encoder()
    bins = bucket_indices(times_us.astype(np.int64))
    order = np.lexsort((bins, second))
    second, bins = second[order], bins[order]
    edges = np.flatnonzero(np.diff(second, prepend=-1, append=-1))
    for begin, end in itertools.pairwise(edges):
        indices, counts = np.unique(bins[begin:end], return_counts=True)
        blob = encoder.encode(indices, counts)
        at = T0 + int(second[begin])
        yield at, "steady", operation, outcome, metric, int(end - begin), blob
