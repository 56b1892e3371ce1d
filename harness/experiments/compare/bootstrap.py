"""
Moving-block bootstrap: resampling that keeps autocorrelation.

Slow seconds come in groups. Resampling single seconds would treat them as independent and
make intervals too narrow. So blocks of neighbouring steps are drawn (Künsch 1989). The
block length is Andrews' (1991) plug-in for an AR(1) series with Bartlett's kernel, but at
least the square root of the steps, because noise hides slow autocorrelation at lag one.
With few blocks the variance is itself uncertain: about 1.5 · steps / block degrees of freedom.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from harness.analysis.distributions import METRICS
from harness.experiments.compare import statistics
from harness.experiments.compare.decision import MetricSample
from harness.experiments.compare.samples import Floats, Side, Stratum

_SEED = 20_231
_TINY = 1e-9

_BLOCKS_A_STRATUM = 4
"""A stratum has at least this number of blocks."""
_DEGREES_PER_BLOCK = 1.5
_CORRELATION_MAX = 0.97


def block_steps(series: Iterable[Floats], strata: Sequence[Stratum]) -> int:
    """The block length for the series (values by step) with the largest autocorrelation."""
    steps = sum(stratum.steps for stratum in strata)
    rho = max((_lag1_autocorrelation(one, strata) for one in series), default=0.0)
    alpha = 4 * rho**2 / (1 - rho**2) ** 2
    suggested = int(np.ceil(1.1447 * (alpha * steps) ** (1 / 3)))
    return max(suggested, math.isqrt(steps), 1)


def resample(
    rng: np.random.Generator, strata: Sequence[Stratum], block: int, replicates: int
) -> Floats:
    """How often each replicate draws each step: shape (replicates, steps)."""
    parts = []
    for stratum in strata:
        n = stratum.steps
        length = _block_length(block, n)
        starts = rng.integers(0, n - length + 1, (replicates, -(-n // length)))
        taken = (starts[:, :, None] + np.arange(length)).reshape(replicates, -1)[:, :n]
        flat = (taken + np.arange(replicates)[:, None] * n).ravel()
        parts.append(np.bincount(flat, minlength=replicates * n).reshape(replicates, n))
    return np.concatenate(parts, axis=1).astype(np.float64)


def degrees_of_freedom(strata: Sequence[Stratum], block: int) -> float:
    """Degrees of freedom of the blocks' variance."""
    blocks = sum(s.steps / _block_length(block, s.steps) for s in strata)
    return max(_DEGREES_PER_BLOCK * blocks, 1.0)


def _block_length(block: int, steps: int) -> int:
    return max(1, min(block, steps // _BLOCKS_A_STRATUM))


def _lag1_autocorrelation(series: Floats, strata: Sequence[Stratum]) -> float:
    """Lag-one autocorrelation about each stratum's own mean, 0 … `_CORRELATION_MAX`."""
    above = below = 0.0
    for stratum in strata:
        part = series[stratum.first : stratum.first + stratum.steps]
        part = part - part.mean()
        above += float(part[1:] @ part[:-1])
        below += float(part @ part)
    return min(max(above / below, 0.0), _CORRELATION_MAX) if below > 0 else 0.0


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
