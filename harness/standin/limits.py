"""
Exact rate limiters: integer nanoseconds in, a decision and the exact wait out.

They read no clock; instants must not go backwards. A refusal's wait is the smallest number of
nanoseconds after which a single request is accepted, so they can verify estimators.

::

    token bucket     ▁▃▅▇█ refills continuously; each request takes one token
    fixed window     |··xx|xxx·|  `limit` requests in each [kW, (k+1)W) of the clock
    sliding window   `limit` requests in any (t - W, t]
    concurrency      `limit` requests in flight
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from fractions import Fraction
from typing import NamedTuple

from harness.units import NS_PER_S


class Decision(NamedTuple):
    """A limiter's decision on one request."""

    accepted: bool
    # The exact wait until a request is accepted; 0 if this one was; None if unknown.
    retry_after_ns: int | None = 0


ACCEPTED = Decision(accepted=True)


class RateLimiter(ABC):
    """Decides request by request."""

    @abstractmethod
    def decide(self, now_ns: int) -> Decision:
        """Decide on a request that arrives now."""

    def release(self) -> None:  # noqa: B027  most limiters have nothing to release
        """Note the end of an accepted request."""


class Unlimited(RateLimiter):
    """Accepts everything."""

    def decide(self, now_ns: int) -> Decision:  # noqa: ARG002  unused
        """Accept."""
        return ACCEPTED


class TokenBucket(RateLimiter):
    """
    At most ``burst + rate * t`` requests in any span of length t.

    Credit is counted in integers, so nothing is rounded: with ``rate = p/q`` a nanosecond adds p
    units and a token costs ``q * 1e9``. If refused requests count, each takes a token too, down to
    a debt of one burst.
    """

    def __init__(self, rate_per_s: float, burst: int, *, refused_count: bool = False) -> None:
        rate = Fraction(rate_per_s).limit_denominator(1_000_000)
        self._units_per_ns = rate.numerator
        self._token = rate.denominator * NS_PER_S
        self._full = burst * self._token
        self._credit = self._full
        self._last_ns = 0
        self._refused_count = refused_count

    def decide(self, now_ns: int) -> Decision:
        """Take a token, or return the wait for one."""
        gained = (now_ns - self._last_ns) * self._units_per_ns
        self._credit = min(self._full, self._credit + gained)
        self._last_ns = now_ns
        if self._credit >= self._token:
            self._credit -= self._token
            return ACCEPTED
        if self._refused_count:
            self._credit = max(-self._full, self._credit - self._token)
        return Decision(accepted=False, retry_after_ns=self._wait_ns())

    def _wait_ns(self) -> int:
        return -((self._credit - self._token) // self._units_per_ns)  # rounded up


class FixedWindow(RateLimiter):
    """
    At most ``limit`` requests in each window of the clock.

    Two bursts around a window's edge make twice the limit, a known flaw. Refused requests cannot
    count, as a full window stays full.
    """

    def __init__(self, limit: int, window_ns: int) -> None:
        self._limit = limit
        self._window_ns = window_ns
        self._index = -1
        self._used = 0

    def decide(self, now_ns: int) -> Decision:
        """Count into the current window, or return the wait for the next."""
        index = now_ns // self._window_ns
        if index != self._index:
            self._index, self._used = index, 0
        if self._used < self._limit:
            self._used += 1
            return ACCEPTED
        return Decision(accepted=False, retry_after_ns=(index + 1) * self._window_ns - now_ns)


class SlidingWindow(RateLimiter):
    """
    At most ``limit`` requests in any window, by a log of their instants.

    If refused requests count, a client that never pauses is never accepted again.
    """

    def __init__(self, limit: int, window_ns: int, *, refused_count: bool = False) -> None:
        self._log: deque[int] = deque(maxlen=limit)
        self._limit = limit
        self._window_ns = window_ns
        self._refused_count = refused_count

    def decide(self, now_ns: int) -> Decision:
        """Accept if the limit-th last request is a window ago."""
        log = self._log
        if len(log) < self._limit or now_ns - log[0] >= self._window_ns:
            log.append(now_ns)
            return ACCEPTED
        if self._refused_count:
            log.append(now_ns)
        return Decision(accepted=False, retry_after_ns=log[0] + self._window_ns - now_ns)


class Concurrency(RateLimiter):
    """At most ``limit`` requests in flight; the wait is unknown."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._in_flight = 0

    def decide(self, now_ns: int) -> Decision:  # noqa: ARG002  unused
        """Take a place, if one is free."""
        if self._in_flight < self._limit:
            self._in_flight += 1
            return ACCEPTED
        return Decision(accepted=False, retry_after_ns=None)

    def release(self) -> None:
        """Free the place of an accepted request."""
        self._in_flight -= 1
