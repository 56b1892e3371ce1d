"""
The configuration compiled: texts read into laws, seconds into nanoseconds.

Made anew whenever a setting changes, so that a request pays for none of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from harness.standin.config import StandinConfig, failures_of
from harness.standin.distributions import Distribution, parse_distribution
from harness.standin.limits import (
    Concurrency,
    FixedWindow,
    RateLimiter,
    SlidingWindow,
    TokenBucket,
    Unlimited,
)
from harness.standin.operations import CONFIGURABLE
from harness.standin.sockets.names import settings_group
from harness.units import NS_PER_S


class Settings:
    """What a request needs of the configuration, ready to use."""

    def __init__(self, config: StandinConfig) -> None:
        self.config = config
        self.lies = config.lies
        self.api_keys = frozenset(key.encode() for key in config.api_keys)
        distributions = {
            operation: parse_distribution(text) for operation, text in config.latency.items()
        }
        self.latency: dict[str, Distribution] = {
            operation: distribution
            for operation in CONFIGURABLE
            if (
                distribution := distributions.get(
                    operation,
                    distributions.get(settings_group(operation), distributions.get("*")),
                )
            )
            is not None
        }
        self.failures = {
            operation: failures
            for operation in CONFIGURABLE
            if (failures := failures_of(operation, config.fail))
        }
        self.service = parse_distribution(config.service)
        self.run_wait = parse_distribution(config.run_wait)
        self.run_duration = parse_distribution(config.run_duration)
        self.release_delay_ns = to_ns(config.release_delay_s)
        self.session_lifetime_ns = to_ns(config.session_lifetime_s)
        self.token_lifetime_ns = to_ns(config.token_lifetime_s)
        self.launch_ns = to_ns(config.launch_s)
        self.stale_ns = to_ns(config.stale_s)
        forget_s = config.lies.forgets_keys_after_s
        self.key_lifetime_ns = to_ns(forget_s or config.key_lifetime_s)

    def draw_failure(self, operation: str, rng: random.Random) -> str:
        """The code this request is to fail with; "" for none."""
        failures = self.failures.get(operation)
        if failures is None:
            return ""
        point = rng.random()
        for code, share in failures:
            point -= share
            if point < 0:
                return code
        return ""


def limiter_factory(config: StandinConfig) -> Callable[[], RateLimiter]:
    """What makes a limiter for each key that is met."""
    window_ns = to_ns(config.window_s)
    limit = max(1, round(config.rate * config.window_s))
    counted = config.refused_count
    match config.limiter:
        case "none":
            return Unlimited
        case "token-bucket":
            return lambda: TokenBucket(config.rate, config.burst, refused_count=counted)
        case "fixed-window":
            return lambda: FixedWindow(limit, window_ns)
        case "sliding-window":
            return lambda: SlidingWindow(limit, window_ns, refused_count=counted)
        case "concurrency":
            return lambda: Concurrency(config.burst)


def to_ns(seconds: float) -> int:
    """Seconds as whole nanoseconds."""
    return round(seconds * NS_PER_S)
