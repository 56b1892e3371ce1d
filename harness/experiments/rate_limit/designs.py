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


class Shot(NamedTuple):
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
class Probe:
    """
    Shots that belong together.

    Attributes:
        name: A short noun for progress lines and figures.
        why: One sentence: what it is to tell.
        shots: In the order of their times.
    """

    name: str
    why: str
    shots: tuple[Shot, ...]

    @property
    def duration_s(self) -> float:
        """Seconds from the start to the last shot."""
        return self.shots[-1].intended_ns / NS_PER_S if self.shots else 0.0


def volley(
    operation: str,
    count: int,
    *,
    at_s: float = 0.0,
    spacing_s: float = 0.0,
    key: int = 0,
    purpose: str = "burst",
) -> list[Shot]:
    """``count`` shots from ``at_s`` on, ``spacing_s`` apart (0: all at once)."""
    return [
        Shot(round((at_s + i * spacing_s) * NS_PER_S), operation, key, purpose)
        for i in range(count)
    ]


def shots_at(
    operation: str, times_s: Iterable[float], *, key: int = 0, purpose: str = "edge"
) -> list[Shot]:
    """One shot at each of the times."""
    return [Shot(max(0, round(t * NS_PER_S)), operation, key, purpose) for t in times_s]


def design(name: str, why: str, shots: Iterable[Shot]) -> Probe:
    """A probe of these shots, sorted by time."""
    return Probe(name, why, tuple(sorted(shots, key=lambda s: s.intended_ns)))
