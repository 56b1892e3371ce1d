"""
What an estimator hands over: parameters with intervals, and how well they explain.

A fit is judged by *contradictions*: decisions that the model, with its best
parameters, forbids even when every decision time is moved as far as its doubt
allows. Nothing else makes models with different parameters comparable.
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


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """
    One model, fitted.

    Attributes:
        algorithm: The family promised in rate_limit.json.
        variant: Which member: ``token-bucket``, ``fixed-window-aligned``, …
        parameters: How many numbers were fitted.
        rate_per_s: Sustained rate; None for a concurrency limit.
        burst: Most requests let through at once from rest.
        window_s: Length of the window; None where there is none.
        contradicted: Which of the log's decisions it cannot explain.
        undecided: Which of them it would have explained the other way round as well.
        phase_s: Where a window begins, seconds of the log (aligned windows).
        extra: Numbers only the model's own drawing needs.
    """

    algorithm: Algorithm
    variant: str
    parameters: int
    rate_per_s: Interval | None
    burst: Interval
    window_s: Interval | None
    contradicted: Bools
    undecided: Bools
    phase_s: float = 0.0
    extra: Mapping[str, float] = field(default_factory=dict)

    @property
    def contradictions(self) -> int:
        """How many decisions it cannot explain."""
        return int(self.contradicted.sum())

    @property
    def guesses(self) -> int:
        """How many decisions it explains only because it would explain either."""
        return int((self.undecided & ~self.contradicted).sum())

    @property
    def explained_fraction(self) -> float:
        """Share of the decisions that it explains; 0 for an empty log."""
        return 1.0 - self.contradictions / len(self.contradicted) if len(self.contradicted) else 0.0
