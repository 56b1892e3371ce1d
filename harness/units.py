"""
Durations and their units: read from text, formatted for people.

Inside the harness a time is an integer of nanoseconds.
"""

from __future__ import annotations

import math
import re

NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

_UNIT_NS = {
    "ns": 1,
    "us": NS_PER_US,
    "µs": NS_PER_US,
    "ms": NS_PER_MS,
    "s": NS_PER_S,
    "m": 60 * NS_PER_S,
    "h": 3600 * NS_PER_S,
}
_ROUNDS_UP = 0.9995  # of a unit: three digits of the next smaller one would read 1000
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|m|h)\s*")


def parse_duration_ns(text: str) -> int:
    """Read a duration such as ``250ms``, ``1.5s`` or ``1m30s``; raise ValueError for other text."""
    total_ns = 0.0
    position = 0
    while position < len(text) and (match := _DURATION.match(text, position)):
        total_ns += float(match[1]) * _UNIT_NS[match[2]]
        position = match.end()
    if position == 0 or position != len(text):
        msg = f"{text!r} is not a duration; write a number with a unit, such as 250ms, 30s or 1m30s"
        raise ValueError(msg)
    if math.isinf(total_ns):
        msg = f"{text[:20] + '…'!r} is too long for a number"
        raise ValueError(msg)
    return round(total_ns)


def write_duration(ns: int) -> str:
    """
    Write a duration so that `parse_duration_ns` reads the same one back.

    >>> [write_duration(n) for n in (0, 1_500, 250_000_000, 90_000_000_000)]
    ['0s', '1500ns', '250ms', '90s']
    """
    sizes = ((NS_PER_S, "s"), (NS_PER_MS, "ms"), (NS_PER_US, "us"), (1, "ns"))
    return next(f"{ns // size}{unit}" for size, unit in sizes if ns % size == 0)


def format_duration(ns: float) -> str:
    """
    Format a duration for people, with three significant digits.

    >>> [format_duration(n) for n in (850, 12_345, 4_560_000, 1_234_000_000, 95e9, 3.7e12)]
    ['850 ns', '12.3 µs', '4.56 ms', '1.23 s', '95 s', '1 h 2 min']
    >>> [format_duration(n) for n in (120e9, 125e9, 3600e9)]
    ['2 min', '2 min 5 s', '1 h']
    >>> [format_duration(n) for n in (999.4, 999.6, 999_600_000, 119.7e9, 3599.7e9)]
    ['999 ns', '1 µs', '1 s', '2 min', '1 h']
    """
    seconds = round(ns / NS_PER_S)
    if seconds >= 3600:
        minutes = round(ns / (60 * NS_PER_S))
        return f"{minutes // 60} h {minutes % 60} min".removesuffix(" 0 min")
    if seconds >= 120:
        return f"{seconds // 60} min {seconds % 60} s".removesuffix(" 0 s")
    for size, unit in ((NS_PER_S, "s"), (NS_PER_MS, "ms"), (NS_PER_US, "µs")):
        if ns >= size * _ROUNDS_UP:
            return f"{_three_digits(ns / size)} {unit}"
    return f"{_three_digits(ns)} ns"


def _three_digits(value: float) -> str:
    text = f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
