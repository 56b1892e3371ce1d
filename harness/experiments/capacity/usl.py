"""
The Universal Scalability Law of throughput and concurrency.

::

    X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1))

lambda is the throughput at N = 1, sigma the contention, kappa the coherency cost. There is a
peak only if kappa > 0, at ``N* = sqrt((1 - sigma) / kappa)``; it is reported only if kappa's
interval excludes 0. Source: Gunther, *Guerrilla Capacity Planning* (2007), chapters 4 to 6.

The fit is bounded least squares on relative errors; intervals come from a residual bootstrap,
because a covariance is meaningless for a parameter on its bound. It is refused with fewer
than 6 distinct levels (Gunther's advice), levels within a factor of 2, a low r², or a curve
that rises between its levels far above every observation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEVELS_MIN = 6
SPAN_MIN = 2.0
R2_MIN = 0.90
OVERSHOOT_MAX = 1.2
"""The curve may rise between its levels to this factor of the largest observation."""
RESAMPLES = 200


class Parameter(NamedTuple):
    """A parameter with its 95 % interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Usl:
    """
    An acceptable fit.

    Attributes:
        peak_concurrency: Where throughput is greatest; None unless kappa's interval
            excludes 0.
    """

    lambda_per_s: Parameter
    sigma: Parameter
    kappa: Parameter
    r2: float
    peak_concurrency: float | None
    peak_per_s: float | None  # Throughput there


@dataclass(frozen=True, slots=True)
class NoFit:
    """Why the fit is refused."""

    reason: str


def predict(concurrency: npt.ArrayLike, lambda_per_s: float, sigma: float, kappa: float) -> Floats:
    """Throughput by the law."""
    n = np.asarray(concurrency, dtype=float)
    return np.asarray(lambda_per_s * n / (1 + sigma * (n - 1) + kappa * n * (n - 1)))


def fit_usl(
    concurrency: Sequence[float], throughput_per_s: Sequence[float], *, seed: int = 0
) -> Usl | NoFit:
    """Fit the law to load levels: calls in flight and successes per second of each."""
    n = np.asarray(concurrency, dtype=float)
    x = np.asarray(throughput_per_s, dtype=float)
    good = (n > 0) & (x > 0) & np.isfinite(n) & np.isfinite(x)
    n, x = n[good], x[good]
    levels = len(np.unique(np.round(np.log(n), 2)))
    if levels < LEVELS_MIN:
        return NoFit(f"{levels} load levels; {LEVELS_MIN} are needed")
    if n.max() / n.min() < SPAN_MIN:
        return NoFit("the load levels lie within a factor of 2")
    parameters = _fit(n, x)
    fitted = predict(n, *parameters)
    spread = float(((x - x.mean()) ** 2).sum())
    r2 = 1 - float(((x - fitted) ** 2).sum()) / spread if spread > 0 else 0.0
    if r2 < R2_MIN:
        return NoFit(f"poor fit: R² = {r2:.2f}, {R2_MIN:.2f} is needed")
    inside = predict(np.geomspace(n.min(), n.max(), 200), *parameters).max()
    if inside > OVERSHOOT_MAX * x.max():
        return NoFit(
            f"poor fit: it rises to {inside:.4g}/s between the load levels; the largest observed "
            f"rate is {x.max():.4g}/s"
        )
    samples = _bootstrap(n, x, parameters, seed)
    bounds = np.quantile(samples, [0.025, 0.975], axis=0)
    gamma, sigma, kappa = (
        Parameter(float(p), min(float(low), float(p)), max(float(high), float(p)))
        for p, low, high in zip(parameters, bounds[0], bounds[1], strict=True)
    )
    peak = None
    if kappa.low > 1e-9 and sigma.estimate < 1:
        peak = math.sqrt((1 - sigma.estimate) / kappa.estimate)
    peak_per_s = None if peak is None else float(predict(peak, *parameters))
    return Usl(gamma, sigma, kappa, r2, peak, peak_per_s)


def _fit(n: Floats, x: Floats) -> tuple[float, float, float]:
    from scipy import optimize  # noqa: PLC0415  slow to import, and most reports show no fit

    scale = float((x / n).max())

    def residuals(p: Floats) -> Floats:
        return predict(n, p[0] * scale, p[1], p[2]) / x - 1

    best = min(
        (
            optimize.least_squares(
                residuals, [1.0, sigma, kappa], bounds=([1e-6, 0, 0], [10.0, 1.0, 1.0])
            )
            for sigma, kappa in ((0.05, 1e-3), (0.5, 1e-5))
        ),
        key=lambda found: found.cost,
    )
    # A parameter within a hair of its bound is at it.
    sigma, kappa = (float(p) if p > 1e-9 else 0.0 for p in best.x[1:])
    return float(best.x[0]) * scale, sigma, kappa


def _bootstrap(n: Floats, x: Floats, parameters: tuple[float, float, float], seed: int) -> Floats:
    """Refits to the fitted curve with resampled relative residuals."""
    random = np.random.default_rng(seed)
    fitted = predict(n, *parameters)
    errors = x / fitted - 1
    # Residuals are smaller than errors by the degrees of freedom of the fit.
    errors = (errors - errors.mean()) * math.sqrt(len(n) / max(len(n) - 3, 1))
    samples = [
        _fit(n, np.maximum(fitted * (1 + random.choice(errors, len(n))), 1e-9))
        for _ in range(RESAMPLES)
    ]
    return np.array(samples)
