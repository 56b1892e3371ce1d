"""The configuration compiled when it changes: distributions parsed, seconds as nanoseconds."""

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
    """What a request needs of the configuration."""

    def __init__(self, config: StandinConfig) -> None:
        self.config = config
        self.lies = config.lies
        self.api_keys = frozenset(key.encode() for key in config.api_keys)
        self.latency: dict[str, Distribution] = {}
        for operation in CONFIGURABLE:
            for name in (operation, settings_group(operation), "*"):
                if name in config.latency:
                    self.latency[operation] = parse_distribution(config.latency[name])
                    break
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
        """Draw the code that this request fails with; "" for none."""
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
    """Makes the limiter of each key."""
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
