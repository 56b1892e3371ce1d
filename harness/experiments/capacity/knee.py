"""
The knee: the load beyond which response time grows faster than throughput.

Kleinrock's power, throughput divided by response time, is largest at the knee. For M/M/1
that is half the capacity, where the mean number in the system is 1.
Source: Kleinrock, "Power and deterministic rules of thumb for probabilistic problems in
computer communications", ICC (1979).

Kneedle (Satopää et al., 2011) normalises both axes by their range, so one step deep in
overload moves its knee. Power needs no range.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LEVELS_MIN = 5


@dataclass(frozen=True, slots=True)
class Knee:
    """The load level of greatest power: its throughput and median response time."""

    rate_per_s: float
    response_ms: float
    low_per_s: float  # low_per_s, high_per_s: The neighbouring levels, which enclose the knee
    high_per_s: float


def find_knee(throughput_per_s: Sequence[float], response_ms: Sequence[float]) -> Knee | None:
    """The knee of these levels; None with fewer than 5, or if power still rises at the last one."""
    levels = sorted(
        (x, r) for x, r in zip(throughput_per_s, response_ms, strict=True) if x > 0 and r > 0
    )
    if len(levels) < LEVELS_MIN:
        return None
    power = [x / r for x, r in levels]
    best = max(range(len(levels)), key=power.__getitem__)
    if best == len(levels) - 1:
        return None
    return Knee(
        rate_per_s=levels[best][0],
        response_ms=levels[best][1],
        low_per_s=levels[max(best - 1, 0)][0],
        high_per_s=levels[best + 1][0],
    )
