"""
Distributions of a duration, as text and as functions.

::

    5ms                    constant
    uniform(5ms,20ms)      uniform between the two
    exponential(10ms)      mean 10 ms
    lognormal(20ms,0.5)    median 20 ms; sigma of the logarithm 0.5

The lognormal is given by its median, which can be read off a latency chart: its p99 is
``median * exp(2.326 * sigma)``. No drawn duration exceeds `DURATION_MAX_S`.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable

from harness.units import NS_PER_S, parse_duration_ns

Distribution = Callable[[random.Random], int]
"""Draws one duration in ns, at least 0."""

DURATION_MAX_S = 1_000_000_000
"""31 years."""
_DURATION_MAX_NS = DURATION_MAX_S * NS_PER_S

_CALL = re.compile(r"\s*([a-z]+)\s*\(([^()]*)\)\s*")
_EXAMPLES = "5ms, uniform(5ms,20ms), exponential(10ms) or lognormal(20ms,0.5)"


def parse_distribution(text: str) -> Distribution:
    """
    Read a distribution.

    Raises:
        ValueError: The text is not one; the message shows examples.
    """
    call = _CALL.fullmatch(text)
    name, arguments = (call[1], call[2]) if call else ("constant", text)
    match name, [part.strip() for part in arguments.split(",")]:
        case "constant", [value]:
            ns = _read_ns(value, text)
            return lambda _: ns
        case "exponential", [mean]:
            mean_ns = _read_ns(mean, text)
            return lambda rng: _bounded(rng.expovariate(1.0 / mean_ns)) if mean_ns else 0
        case "uniform", [low, high]:
            low_ns, high_ns = _read_ns(low, text), _read_ns(high, text)
            if low_ns > high_ns:
                raise ValueError(f"{text!r} has its minimum above its maximum")
            return lambda rng: rng.randint(low_ns, high_ns)
        case "lognormal", [median, spread]:
            median_ns, sigma = _read_ns(median, text), _read_sigma(spread, text)
            return lambda rng: _bounded(median_ns * math.exp(rng.gauss(0.0, sigma)))
    raise ValueError(f"{text!r} is not a distribution; write {_EXAMPLES}")


def _bounded(ns: float) -> int:
    return min(_DURATION_MAX_NS, round(ns))


def _read_ns(text: str, whole: str) -> int:
    if text.strip() == "0":
        return 0
    try:
        ns = parse_duration_ns(text)
    except ValueError:
        raise ValueError(f"{whole!r} is not a distribution; write {_EXAMPLES}") from None
    if ns > _DURATION_MAX_NS:
        raise ValueError(f"{whole!r} is longer than {DURATION_MAX_S} s")
    return ns


def _read_sigma(text: str, whole: str) -> float:
    try:
        sigma = float(text)
    except ValueError:
        sigma = -1.0
    if not 0 <= sigma <= 10:
        raise ValueError(f"{whole!r}: sigma must be a number from 0 to 10, not {text!r}")
    return sigma
