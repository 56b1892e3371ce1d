"""
Rate limiters, exact: integers of nanoseconds in, a decision and the true wait out.

Each is pure: no clock is read. Instants must not go backwards. A refusal's wait is
the least number of nanoseconds after which a request, sent alone, is accepted: one
nanosecond less is too early. That is what makes them fit to judge estimators by.

::

    token bucket     ▁▃▅▇█ refills continuously; each request takes one token
    fixed window     |··xx|xxx·|  `limit` requests in each [kW, (k+1)W) of the clock
    sliding window   `limit` requests in any (t - W, t]
    concurrency      `limit` requests in flight
"""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import NamedTuple, Protocol

from harness.units import NS_PER_S


class Decision(NamedTuple):
    """
    What a limiter says of one request.

    Attributes:
        accepted: Whether it may pass.
        retry_after_ns: The exact wait until one would pass; 0 when accepted; None
            where nobody can know it.
    """

    accepted: bool
    retry_after_ns: int | None = 0

    @property
    def retry_after_s(self) -> float | None:
        """The exact wait in seconds."""
        return None if self.retry_after_ns is None else self.retry_after_ns / NS_PER_S


ACCEPTED = Decision(accepted=True)


class RateLimiter(Protocol):
    """Decides request by request."""

    def decide(self, now_ns: int) -> Decision:
        """Take one request that comes now."""

    def release(self) -> None:
        """Tell that an accepted request has ended."""


class Unlimited:
    """Accepts everything."""

    def decide(self, now_ns: int) -> Decision:  # noqa: ARG002  the protocol's signature
        """Accept."""
        return ACCEPTED

    def release(self) -> None:
        """Nothing was held."""


class TokenBucket:
    """
    At most ``burst + rate * t`` requests in any span of length t.

    Credit is counted in whole units: with ``rate = p/q`` a nanosecond brings p units
    and a token costs ``q * 1e9``, so nothing is ever rounded. Where refused requests
    count, each takes a token as well, down to a debt of one burst.
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
        """Take a token, or say when there will be one."""
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

    def release(self) -> None:
        """A token is spent, not held."""


class FixedWindow:
    """
    At most ``limit`` requests in each window of the clock.

    Two bursts around a window's edge make twice the limit in no time: that is the
    algorithm's known flaw. Whether refused requests count changes nothing, as a full
    window stays full.
    """

    def __init__(self, limit: int, window_ns: int) -> None:
        self._limit = limit
        self._window_ns = window_ns
        self._index = -1
        self._used = 0

    def decide(self, now_ns: int) -> Decision:
        """Count into the window of now, or say when the next one begins."""
        index = now_ns // self._window_ns
        if index != self._index:
            self._index, self._used = index, 0
        if self._used < self._limit:
            self._used += 1
            return ACCEPTED
        return Decision(accepted=False, retry_after_ns=(index + 1) * self._window_ns - now_ns)

    def release(self) -> None:
        """A place in the window is spent, not held."""


class SlidingWindow:
    """
    At most ``limit`` requests in any window, by a log of their instants.

    Only the newest ``limit`` instants can matter, so only they are kept. Where
    refused requests count, one who keeps asking is never let in again.
    """

    def __init__(self, limit: int, window_ns: int, *, refused_count: bool = False) -> None:
        self._log: deque[int] = deque(maxlen=limit)
        self._limit = limit
        self._window_ns = window_ns
        self._refused_count = refused_count

    def decide(self, now_ns: int) -> Decision:
        """Accept when the limit-th last request is a whole window ago."""
        log = self._log
        if len(log) < self._limit or now_ns - log[0] >= self._window_ns:
            log.append(now_ns)
            return ACCEPTED
        if self._refused_count:
            log.append(now_ns)
        return Decision(accepted=False, retry_after_ns=log[0] + self._window_ns - now_ns)

    def release(self) -> None:
        """A place in the log is spent, not held."""


class Concurrency:
    """At most ``limit`` requests in flight; when one will end, nobody knows."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._in_flight = 0

    def decide(self, now_ns: int) -> Decision:  # noqa: ARG002  the protocol's signature
        """Hold a place, if one is free."""
        if self._in_flight < self._limit:
            self._in_flight += 1
            return ACCEPTED
        return Decision(accepted=False, retry_after_ns=None)

    def release(self) -> None:
        """Free the place of an accepted request."""
        self._in_flight -= 1
