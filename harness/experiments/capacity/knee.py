"""
The knee: where more load begins to cost more than it brings.

Kleinrock's power, throughput divided by response time, is largest at the knee: before it
the server idles, beyond it only the queue grows. For M/M/1 it is at half the capacity,
where the mean number in the system is 1.
Source: Kleinrock, "Power and deterministic rules of thumb for probabilistic problems in
computer communications", ICC (1979).

Preferred to Kneedle (Satopää et al., 2011), which normalises both axes by their range: one
step deep in overload moves the knee that it finds. Power needs no range.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LEVELS_MIN = 5


@dataclass(frozen=True, slots=True)
class Knee:
    """
    The load level of greatest power.

    Attributes:
        rate_per_s: Its throughput.
        response_ms: Its median response time.
        low_per_s, high_per_s: The neighbouring levels: the knee is between them.
    """

    rate_per_s: float
    response_ms: float
    low_per_s: float
    high_per_s: float


def find_knee(throughput_per_s: Sequence[float], response_ms: Sequence[float]) -> Knee | None:
    """
    Find the knee of a load curve.

    Args:
        throughput_per_s: Ok answers a second at each level, any order.
        response_ms: Median response time at each level.

    Returns:
        None when there are fewer than 5 levels, or power still rises at the last one: the
        knee was not reached.
    """
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
