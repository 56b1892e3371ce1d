"""
When to retry: the retry policy as pure functions.

A retry is made only where a second sending is safe (the operation is repeatable, or carries an
Idempotency-Key), while the budget lasts, and if its wait ends before the call's deadline.
Retry-After is a lower bound. Without it the wait is drawn uniformly from zero to an
exponentially growing ceiling ("full jitter": Brooker, AWS Architecture Blog, 2015), so that
clients that failed together do not return together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.contract.outcomes import Outcome
from harness.plan.model import RetryTable
from harness.units import NS_PER_S

RETRYABLE = frozenset(
    {
        Outcome.RATE_LIMITED, Outcome.CAPACITY_FULL, Outcome.TIMEOUT, Outcome.LAUNCH_TIMEOUT,
        Outcome.LAUNCH_FAILED, Outcome.CDP_UNAVAILABLE, Outcome.SERVER_ERROR,
        Outcome.CONNECTION_LOST, Outcome.CONNECTION_REFUSED,
    }
)  # fmt: skip
"""Outcomes that another attempt may change."""

INITIAL_TOKENS = 10.0
"""Retries available before any call has earned one."""
TOKENS_MAX = 100.0
"""Most retries that can be saved up, so that an outage does not meet thousands."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """
    Attributes:
        attempts: Most attempts of one call; 1 means no retries.
        base_s: Ceiling of the first backoff.
        cap_s: Ceiling of any backoff.
        jitter_s: Added to a Retry-After, uniformly from zero, against synchronized clients.
        budget_fraction: Retries earned by each call.
        deadline_s: Time for the complete call, waits included.
    """

    attempts: int = 5
    base_s: float = 0.1
    cap_s: float = 5.0
    jitter_s: float = 0.05
    budget_fraction: float = 0.1
    deadline_s: float = 30.0

    @classmethod
    def from_table(cls, table: RetryTable) -> RetryPolicy:
        """The policy of a plan's ``[retry]`` table."""
        return cls(
            attempts=table.attempts,
            base_s=table.base / NS_PER_S,
            cap_s=table.cap / NS_PER_S,
            budget_fraction=table.budget_fraction,
            deadline_s=table.deadline / NS_PER_S,
        )

    def wait_s(self, attempt: int, retry_after_s: float, random_fraction: float) -> float:
        """
        The wait before the next attempt.

        Args:
            attempt: The attempt that failed, from 1.
            retry_after_s: The response's Retry-After; NaN when absent.
            random_fraction: A random number from 0 to 1.
        """
        if not math.isnan(retry_after_s):
            return retry_after_s + random_fraction * self.jitter_s
        return float(random_fraction * min(self.cap_s, self.base_s * 2 ** (attempt - 1)))


class RetryBudget:
    """A token bucket over all calls of a process: retries ≤ fraction × calls + 10."""

    def __init__(self, fraction: float) -> None:
        self.fraction = fraction
        self._tokens = INITIAL_TOKENS

    def earn(self) -> None:
        """Add the share of one call."""
        if self._tokens < TOKENS_MAX:
            self._tokens += self.fraction

    def spend(self) -> bool:
        """Take one retry; False when none is left."""
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
