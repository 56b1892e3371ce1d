"""Bootstrap samples of one operation on one side."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np

from harness.analysis.distributions import METRICS
from harness.experiments.compare import statistics
from harness.experiments.compare.bootstrap import block_steps, degrees_of_freedom, resample
from harness.experiments.compare.decision import MetricSample
from harness.experiments.compare.samples import Floats, Side

_SEED = 20_231
_TINY = 1e-9


class BootstrapSamples:
    """Every metric of one operation on one side, under the same resampling of steps."""

    def __init__(self, side: Side, operation: str, replicates: int, number: int) -> None:
        self.side, self.operation = side, operation
        self.attempts = float(statistics.count_all(side, operation).sum())
        self.good = float(statistics.count_ok(side, operation).sum())
        self.outcomes = side.outcomes.get(operation, {})
        block = block_steps(statistics.autocorrelated_series(side, operation), side.strata)
        rng = np.random.default_rng([_SEED, number, zlib.crc32(operation.encode())])
        drawn = resample(rng, side.strata, block, replicates)
        self._degrees = degrees_of_freedom(side.strata, block)
        trials = np.zeros((side.trials, side.steps))
        for stratum in side.strata:
            trials[stratum.trial, stratum.first : stratum.first + stratum.steps] = 1
        # One pass over the counts gives the value, that of each trial, and the replicates.
        self._weights = np.concatenate((np.ones((1, side.steps)), trials, drawn))
        self._times: dict[str, dict[str, Floats]] = {}

    def values(self, metric: str) -> Floats | None:
        """The value, that of each trial, that of each replicate; None without observations."""
        if metric == "throughput":
            return statistics.throughput_per_s(self.side, self.operation, self._weights)
        kind, _, name = metric.partition(".")
        if kind == "outcome":
            if not self.attempts:
                return None
            return statistics.share(self.side, self.operation, name, self._weights)
        times = self.side.times.get((self.operation, kind))
        if times is None:
            return None
        if kind not in self._times:
            self._times[kind] = statistics.percentiles_ms(times, self.side.steps, self._weights)
        return self._times[kind][name]

    def sample(self, values: Floats, *, log: bool) -> MetricSample:
        """The values as a sample on the scale of effects."""
        scaled = np.log(np.maximum(values, _TINY)) if log else values
        last = 1 + self.side.trials
        return MetricSample(float(scaled[0]), scaled[last:], scaled[1:last], self._degrees)


def metrics_of(both: tuple[BootstrapSamples, BootstrapSamples]) -> Iterator[str]:
    """All metrics of an operation: times, throughput, outcomes of either side."""
    for clock in METRICS[::-1]:
        yield from (f"{clock}.{name}" for name in statistics.percentile_fractions())
    yield "throughput"
    outcomes = set(both[0].outcomes) | set(both[1].outcomes)
    yield from (f"outcome.{name}" for name in sorted(outcomes - {"ok"}))
