"""
The intended start of each arrival: pure schedules, computed and never accumulated.

A phase asks for ``r(s)`` arrivals per second at ``s`` seconds after its start. The rate goes
linearly from ``r0`` to ``r1`` over the phase's duration ``D``, so by then it has asked for ::

    Λ(s) = r0·s + k·s²/2        k = (r1 - r0) / D

arrivals. A **uniform** phase puts an arrival wherever Λ reaches a whole number ``m``. The
inverse of Λ, in the form that does not cancel and that r0 = 0 or k = 0 does not break, is ::

    s(m) = 2m / (r0 + √(r0² + 2·k·m))

At a constant rate this is ``m / r``, computed in whole numbers: exact to the nanosecond below
for any m, without drift over hours. The fraction of an arrival that a uniform phase leaves
counts in the next uniform phase, so many short steps ask for no more than one long phase.

A **poisson** phase puts its arrivals where Λ reaches ``E1, E1 + E2, …``, sums of
independent Exp(1) numbers. This time-rescaling turns a Poisson process of rate 1 into one of
rate r(s) (Brown et al., Neural Computation 14, 2002; Çınlar, Introduction to Stochastic
Processes, 1975, section 4.7).

Arrivals are numbered from 0. Worker i of n takes the numbers i, i + n, i + 2n, …, so the
workers' schedules together are exactly the schedule of one worker. Everything is lazy: hours
at 10,000 per second need no memory.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import repeat
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.units import NS_PER_S

Spacing = Literal["uniform", "poisson"]

RATE_MAX_PER_S = 1e9
"""One arrival per nanosecond, the resolution of times."""

_BLOCK_SIZE = 4096  # arrivals per draw; changing it changes the schedule
_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Phase:
    """
    A stretch of the plan with one rate, constant or linear, and one spacing.

    Attributes:
        rate_start_per_s: Arrivals per second at its start, 0 to `RATE_MAX_PER_S`.
        rate_end_per_s: The same at its end.
        spacing: ``uniform`` is evenly, ``poisson`` independently.
        measured: False for a warm-up: outside percentiles and SLOs.
    """

    name: str
    duration_ns: int
    rate_start_per_s: float
    rate_end_per_s: float
    spacing: Spacing = "uniform"
    measured: bool = True

    def __post_init__(self) -> None:
        if self.duration_ns < 0:
            msg = f"phase {self.name!r}: duration {self.duration_ns!r} ns is negative"
            raise ValueError(msg)
        for rate in (self.rate_start_per_s, self.rate_end_per_s):
            if not 0 <= rate <= RATE_MAX_PER_S:
                msg = f"phase {self.name!r}: rate {rate!r} per second is not within 0 to 1e9"
                raise ValueError(msg)
        if self.spacing not in ("uniform", "poisson"):
            msg = f"phase {self.name!r}: spacing {self.spacing!r} is not uniform or poisson"
            raise ValueError(msg)


def starts_ns(
    phases: Sequence[Phase], seed: int, *, share: tuple[int, int] = (0, 1)
) -> Iterator[tuple[int, int, int]]:
    """
    Yield the intended starts in order; raise ValueError unless 0 <= index < count.

    Args:
        phases: The plan's phases, one after the other.
        seed: Seed of the Poisson phases; phase p of one seed is always the same.
        share: (index, count) of this worker; (0, 1) for the complete schedule.

    Yields:
        (number, start, phase): the arrival's number in the complete schedule, its intended start
        in ns from the schedule's start, and the index of the phase that holds the start.
    """
    index, count = share
    if not 0 <= index < count:
        msg = f"share {share!r} is not (index, count) with 0 <= index < count"
        raise ValueError(msg)
    return _generate(phases, seed, index, count)


def _generate(
    phases: Sequence[Phase], seed: int, index: int, count: int
) -> Iterator[tuple[int, int, int]]:
    begin_ns = 0
    number = 0  # of the next arrival of the complete schedule
    expected = Fraction(0)  # by the uniform phases so far
    for p, phase in enumerate(phases):
        if phase.spacing == "poisson":
            number = yield from _poisson(phase, p, begin_ns, number, seed, index, count)
        else:
            first, expected = math.ceil(expected), expected + _expected(phase)
            size = math.ceil(expected) - first
            lead = first - (expected - _expected(phase))  # the fraction left by the phases before
            mine = (index - number) % count
            starts = _uniform(phase, begin_ns, lead, range(mine, size, count))
            yield from zip(range(number + mine, number + size, count), starts, repeat(p))
            number += size
        begin_ns += phase.duration_ns


def _expected(phase: Phase) -> Fraction:
    """How many arrivals a phase asks for; uniform phases give the sum, rounded up."""
    rates = _exact(phase.rate_start_per_s) + _exact(phase.rate_end_per_s)
    return rates * phase.duration_ns / (2 * NS_PER_S)


def _exact(rate: float) -> Fraction:
    """
    The decimal or fraction that a float stands for: 1/10 for 0.1, 1/3 for 1/3.

    The float itself is slightly above a tenth: 100 s of it would ask for an eleventh arrival, in
    the phase's last nanosecond.
    """
    simple = Fraction(rate).limit_denominator(1_000_000)
    return simple if float(simple) == rate else Fraction(repr(float(rate)))


def _uniform(phase: Phase, begin_ns: int, lead: Fraction, ordinals: range) -> Iterator[int]:
    """Starts of the arrivals whose Λ is lead + ordinal."""
    if not ordinals:
        return iter(())
    if phase.rate_start_per_s == phase.rate_end_per_s:
        return _constant(_exact(phase.rate_start_per_s), begin_ns, lead, ordinals)
    return _ramp(phase, begin_ns, float(lead), ordinals)


def _constant(rate: Fraction, begin_ns: int, lead: Fraction, ordinals: range) -> Iterator[int]:
    offset = begin_ns + lead * NS_PER_S / rate
    gap = NS_PER_S / rate
    scale = math.lcm(offset.denominator, gap.denominator)
    offset_scaled, gap_scaled = int(offset * scale), int(gap * scale)
    for m in ordinals:
        yield (offset_scaled + m * gap_scaled) // scale


def _ramp(phase: Phase, begin_ns: int, lead: float, ordinals: range) -> Iterator[int]:
    r0, slope = phase.rate_start_per_s, _slope(phase)
    square = r0 * r0
    last_ns = phase.duration_ns - 1
    for m in ordinals:
        expected = m + lead
        # rounding may put the root below 0, or the start behind its phase
        below = r0 + math.sqrt(max(0.0, square + 2 * slope * expected))
        yield begin_ns + (min(last_ns, int(2e9 * expected / below)) if below else 0)


def _slope(phase: Phase) -> float:
    return (phase.rate_end_per_s - phase.rate_start_per_s) * NS_PER_S / phase.duration_ns


def _poisson(
    phase: Phase, p: int, begin_ns: int, number: int, seed: int, index: int, count: int
) -> Generator[tuple[int, int, int], None, int]:
    """Yield this share of a Poisson phase; return the number of the next phase's first arrival."""
    expected = float(_expected(phase))
    if expected == 0:
        return number
    bits = np.random.PCG64(np.random.SeedSequence((seed & _MASK, p)))
    sum_before = 0.0
    while True:
        sums = sum_before + np.cumsum(_exponentials(bits))
        ends = sums[-1] >= expected
        if ends:
            sums = sums[: np.searchsorted(sums, expected)]
        mine = (index - number) % count
        starts: list[int] = (begin_ns + _invert(phase, sums[mine::count])).tolist()
        yield from zip(range(number + mine, number + len(sums), count), starts, repeat(p))
        number += len(sums)
        if ends:
            return number
        sum_before = float(sums[-1])


def _exponentials(bits: np.random.PCG64) -> NDArray[np.float64]:
    """
    Draw a block of Exp(1) numbers.

    They come from the raw bits, by inversion: numpy keeps the bits of a generator stable across
    releases, but not its distributions (NEP 19).
    """
    uniforms = (bits.random_raw(_BLOCK_SIZE) >> np.uint64(11)) * 2.0**-53
    exponentials: NDArray[np.float64] = -np.log1p(-uniforms)
    return exponentials


def _invert(phase: Phase, expected: NDArray[np.float64]) -> NDArray[np.int64]:
    """The inverse of Λ for many values, in ns from the phase's start, kept inside the phase."""
    r0 = phase.rate_start_per_s
    root = np.sqrt(np.maximum(0.0, r0 * r0 + 2 * _slope(phase) * expected))
    starts = (2e9 * expected / np.maximum(r0 + root, 1e-300)).astype(np.int64)
    return np.minimum(starts, phase.duration_ns - 1)
