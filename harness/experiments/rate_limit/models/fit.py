"""
A fitted model: parameters with intervals, and the decisions that it explains.

A fit is judged by its *contradictions*: decisions that the model with its best parameters
forbids at every possible decision time. That makes different models comparable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from harness.experiments.rate_limit.observations import Bools

Algorithm = Literal["token-bucket", "fixed-window", "sliding-window", "concurrency", "unknown"]


class Interval(NamedTuple):
    """An estimate and the bounds that hold the truth."""

    estimate: float
    low: float
    high: float

    @property
    def relative_width(self) -> float:
        """Half the width, as a share of the estimate."""
        return (self.high - self.low) / 2 / self.estimate if self.estimate else float("inf")

    def __truediv__(self, other: Interval) -> Interval:
        """The quotient with its widest bounds; both intervals are positive."""
        return Interval(
            self.estimate / other.estimate, self.low / other.high, self.high / other.low
        )


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """One fitted model."""

    algorithm: Algorithm  # The family, as in rate_limit.json
    variant: str  # ``token-bucket``, ``fixed-window-aligned``, …
    parameters: int  # Number of fitted parameters
    rate_per_s: Interval | None  # Sustained rate; None for a concurrency limit
    burst: Interval  # Most concurrent requests that pass from rest
    window_s: Interval | None  # Length of the window; None without one
    contradicted: Bools  # Decisions that it does not explain
    undecided: Bools  # Decisions whose opposite it explains too
    phase_s: float = 0.0  # Start of an aligned window, seconds of the log
    extra: Mapping[str, float] = field(default_factory=dict)  # Further parameters of the variant

    @property
    def contradictions(self) -> int:
        """Number of decisions that it does not explain."""
        return int(self.contradicted.sum())

    @property
    def guesses(self) -> int:
        """Number of explained decisions whose opposite it explains too."""
        return int((self.undecided & ~self.contradicted).sum())

    @property
    def explained_fraction(self) -> float:
        """Share of explained decisions; 0 for an empty log."""
        return 1.0 - self.contradictions / len(self.contradicted) if len(self.contradicted) else 0.0
