"""What the capacity lab is measured against: stand-ins whose ceiling or speed is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

from harness.standin.config import Lies, StandinConfig

CEILINGS = (1, 7, 64, 500)
LIMITED: dict[str, Any] = {"limiter": "token-bucket", "rate": 150.0, "burst": 30}
DELAYED: dict[str, Any] = {"release_delay_s": 0.2}
FAILING: dict[str, Any] = {"fail": {"create_session:CLOUD_LAUNCH_FAILED": 0.1}}
RACING: dict[str, Any] = {"race_window_s": 0.05}
LEAKING: dict[str, Any] = FAILING | {"lies": Lies(leaks_failed_create=1.0)}

SLO = "p99<250ms,errors<1%"
LIMIT_S, ALLOWED = 0.25, 0.01
PLAN: dict[str, Any] = {
    "name": "one",
    "scenario": {"cache_import": {"batch": [1, 1], "again": 0.0, "newer": 0.0, "older": 0.0}},
}
"""One call of one entry an arrival, so that a rate of arrivals is a rate of requests."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A stand-in with so many session slots, and what makes it hard to see."""

    setting: str
    ceiling: int
    standin: dict[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> StandinConfig:
        """The stand-in's settings."""
        return StandinConfig(max_sessions=self.ceiling, **self.standin)


@dataclass(frozen=True, slots=True)
class Server:
    """A stand-in of c workers that take the same time for each request."""

    workers: int
    service_s: float

    @property
    def capacity_per_s(self) -> float:
        """What it can do: ``c / s``."""
        return self.workers / self.service_s

    @property
    def config(self) -> StandinConfig:
        """The stand-in's settings."""
        return StandinConfig(workers=self.workers, service=f"{self.service_s * 1e3:g}ms")

    def edge_per_s(self, spacing: str) -> float:
        """
        The highest rate at which `SLO` holds in the long run.

        Evenly spaced arrivals never wait below the capacity, so it is the capacity. With
        Poisson arrivals (M/D/c) it lies below; found by bisecting on a long simulation.
        """
        if spacing == "uniform":
            return self.capacity_per_s
        low, high = 0.3 * self.capacity_per_s, self.capacity_per_s
        for _ in range(12):
            middle = (low + high) / 2
            over = self._share_over(middle) > ALLOWED
            low, high = (low, middle) if over else (middle, high)
        return low

    def _share_over(self, rate_per_s: float, arrivals: int = 2_000_000) -> float:
        """Share of response times over the limit: with equal services, c Lindley recursions."""
        gaps_s = np.random.default_rng(7).exponential(1 / rate_per_s, arrivals)
        intended_s = np.cumsum(gaps_s)
        over = 0
        for worker in range(self.workers):
            mine_s = intended_s[worker :: self.workers]
            served_s = np.arange(len(mine_s)) * self.service_s
            ended_s = np.maximum.accumulate(mine_s - served_s) + served_s + self.service_s
            over += int((ended_s - mine_s > LIMIT_S).sum())
        return over / arrivals


SERVERS = tuple(
    Server(workers, service_s)
    for workers, service_s in (
        (1, 0.02), (2, 0.01), (4, 0.02), (8, 0.02), (16, 0.05), (8, 0.08),
    )
)  # fmt: skip


def list_ceilings() -> list[Ceiling]:
    """Every mix of limiter, release delay and failing launches; then racing and leaking."""
    hard = {"limiter": LIMITED, "release delay": DELAYED, "failing launches": FAILING}
    mixes = [
        {name: settings for name, settings in hard.items() if name in chosen}
        for chosen in (
            {name for name, wanted in zip(hard, which, strict=True) if wanted}
            for which in product((False, True), repeat=len(hard))
        )
    ]
    cases = [
        Ceiling(", ".join(mix) or "plain", ceiling, merge(mix))
        for mix in mixes
        for ceiling in CEILINGS
    ]
    cases += [Ceiling("racing", ceiling, RACING) for ceiling in CEILINGS]
    return cases + [Ceiling("leaking", ceiling, LEAKING) for ceiling in CEILINGS[2:]]


def merge(mix: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """All settings of a mix."""
    return {name: value for settings in mix.values() for name, value in settings.items()}
