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
from collections.abc import Iterable, Sequence

import numpy as np

from harness.experiments.compare.samples import Floats, Stratum

_BLOCKS_A_STRATUM = 4
"""A stratum has at least this number of blocks."""
_DEGREES_PER_BLOCK = 1.5
_CORRELATION_MAX = 0.97


def block_steps(series: Iterable[Floats], strata: Sequence[Stratum]) -> int:
    """
    The block length for the series with the largest autocorrelation.

    Args:
        series: Values by step, of each metric whose variance matters.
        strata: Bounds of the steps; correlation across strata is ignored.
    """
    steps = sum(stratum.steps for stratum in strata)
    rho = max((_lag1_autocorrelation(one, strata) for one in series), default=0.0)
    alpha = 4 * rho**2 / (1 - rho**2) ** 2
    suggested = int(np.ceil(1.1447 * (alpha * steps) ** (1 / 3)))
    return max(suggested, math.isqrt(steps), 1)


def resample(
    rng: np.random.Generator, strata: Sequence[Stratum], block: int, replicates: int
) -> Floats:
    """
    How often each replicate draws each step.

    Returns:
        Shape (replicates, steps); a stratum's part of each row sums to its steps.
    """
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
