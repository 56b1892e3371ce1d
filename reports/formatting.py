"""Numbers and lists as text."""

from __future__ import annotations

from collections.abc import Sequence

from harness.units import NS_PER_MS, format_duration


def milliseconds(value_ms: float | None) -> str:
    """A latency: ``12.3 ms``; a dash for None."""
    return "–" if value_ms is None else format_duration(value_ms * NS_PER_MS)


def number(value: float) -> str:
    """
    A number with three digits; more if three would round it to a power of ten.

    >>> [number(n) for n in (1234, 1234.5, 97.154, 0.23163, 99.97, -4.2)]
    ['1,234', '1,234', '97.2', '0.232', '99.97', '−4.2']
    """
    if isinstance(value, int) or abs(value) >= 999.5:
        text = f"{value:,.0f}"
    else:
        shown = (f"{value:.{digits}g}" for digits in (3, 4, 5))
        text = next((t for t in shown if t.strip("-0.") != "1" or float(t) == value), "")
        text = text or f"{value:.6g}"
    return text.replace("-", "−", 1) if text.startswith("-") else text


def percent(share: float) -> str:
    """A share in percent; only 1 is 100 %, and only 0 is 0 %."""
    if share in (0.0, 1.0):
        return f"{share:.0%}".replace("%", " %")
    number = min(max(share * 100, 0.01), 99.99)
    return f"{number:.2f} %" if number < 1 or number > 99 else f"{number:.1f} %"


def signed_percent(change: float, decimals: int = 1) -> str:
    """
    A relative change, with a true minus.

    >>> signed_percent(-0.042)
    '−4.2 %'
    """
    return f"{100 * change:+.{decimals}f} %".replace("-", "−")


def plural(number: int, noun: str) -> str:
    """A count with its noun: ``1 attempt``, ``1,200 attempts``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(names: Sequence[str], shown: int = 3) -> str:
    """The first names and the number of others: ``a, b, c and 2 more``."""
    head = ", ".join(names[:shown])
    return f"{head} and {len(names) - shown} more" if len(names) > shown else head


def joined(parts: Sequence[str]) -> str:
    """
    All parts as one phrase; "" without parts.

    >>> joined(["one", "two", "three"])
    'one, two and three'
    """
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def capitalized(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]
