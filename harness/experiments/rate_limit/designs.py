"""
Probe designs: when to send what, and what each sending is to tell.

A probe is a list of intended send times from its own start, nothing more; an open
model sends it, whatever the answers. Silence before a burst is part of the design
(the first shot's time), so a probe can be read, drawn and counted before it runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from harness.units import NS_PER_S


class PlannedRequest(NamedTuple):
    """
    One request to send.

    Attributes:
        intended_ns: When, from the probe's start.
        operation: What to call.
        key: Which API key to carry: 0 the first, 1 the second.
        purpose: What it is to tell, one or two words.
    """

    intended_ns: int
    operation: str
    key: int
    purpose: str


@dataclass(frozen=True, slots=True)
class Experiment:
    """
    Shots that belong together.

    Attributes:
        name: A short noun for progress lines and figures.
        why: One sentence: what it is to tell.
        requests: In the order of their times.
    """

    name: str
    why: str
    requests: tuple[PlannedRequest, ...]

    @property
    def duration_s(self) -> float:
        """Seconds from the start to the last shot."""
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
    """``count`` shots from ``at_s`` on, ``spacing_s`` apart (0: all at once)."""
    return [
        PlannedRequest(round((at_s + i * spacing_s) * NS_PER_S), operation, key, purpose)
        for i in range(count)
    ]


def requests_at(
    operation: str, times_s: Iterable[float], *, key: int = 0, purpose: str = "edge"
) -> list[PlannedRequest]:
    """One shot at each of the times."""
    return [PlannedRequest(max(0, round(t * NS_PER_S)), operation, key, purpose) for t in times_s]


def make_experiment(name: str, why: str, requests: Iterable[PlannedRequest]) -> Experiment:
    """A probe of these shots, sorted by time."""
    return Experiment(name, why, tuple(sorted(requests, key=lambda s: s.intended_ns)))
