"""
Designs of experiments: what to send when, and for which purpose.

An experiment is a list of intended send times from its start (open model). Silence before a
burst is the time of its first request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from harness.units import NS_PER_S


class PlannedRequest(NamedTuple):
    """One request to send."""

    intended_ns: int  # From the experiment's start
    operation: str
    key: int  # API key: 0 the first, 1 the second
    purpose: str  # One or two words


@dataclass(frozen=True, slots=True)
class Experiment:
    """Requests that belong together."""

    name: str  # A short noun for progress lines and figures
    why: str  # The question that it answers
    requests: tuple[PlannedRequest, ...]  # In order of time

    @property
    def duration_s(self) -> float:
        """Seconds from the start to the last request."""
        return self.requests[-1].intended_ns / NS_PER_S if self.requests else 0.0


def spaced_requests(
    operation: str,
    count: int,
    *,
    at_s: float = 0.0,
    spacing_s: float = 0.0,
    key: int = 0,
    purpose: str = "burst",
) -> list[PlannedRequest]:
    """``count`` requests from ``at_s`` on, ``spacing_s`` apart (0: concurrently)."""
    return [
        PlannedRequest(round((at_s + i * spacing_s) * NS_PER_S), operation, key, purpose)
        for i in range(count)
    ]


def requests_at(
    operation: str, times_s: Iterable[float], *, key: int = 0, purpose: str = "edge"
) -> list[PlannedRequest]:
    """One request at each of the times."""
    return [PlannedRequest(max(0, round(t * NS_PER_S)), operation, key, purpose) for t in times_s]


def make_experiment(name: str, why: str, requests: Iterable[PlannedRequest]) -> Experiment:
    """An experiment of these requests, sorted by time."""
    return Experiment(name, why, tuple(sorted(requests, key=lambda s: s.intended_ns)))
