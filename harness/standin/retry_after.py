"""
Styles of Retry-After: correct by default, wrong in six known ways.

If the limiter does not know the wait (concurrency), it is one second.
"""

from __future__ import annotations

from email.utils import formatdate

from harness.standin.config import RetryAfterStyle
from harness.units import NS_PER_MS, NS_PER_S


def format_retry_after(style: RetryAfterStyle, wait_ns: int | None, unix_ns: int) -> str | None:
    """The header's value; None for no header. A wait of None is unknown."""
    wait_ns = NS_PER_S if wait_ns is None else wait_ns
    match style:
        case "missing":
            return None
        case "malformed":
            return "soon"
        case "decimal":  # outside RFC 9110
            return f"{_round_up(wait_ns, NS_PER_MS) / 1000:.3f}"
        case "http-date":  # the next whole second
            return formatdate(_round_up(unix_ns + wait_ns, NS_PER_S), usegmt=True)
        case "early":  # half the exact wait
            return str(wait_ns // (2 * NS_PER_S))
        case "late":  # two seconds more than exact-ceil
            return str(_round_up(wait_ns, NS_PER_S) + 2)
        case "exact-ceil":  # never too early
            return str(_round_up(wait_ns, NS_PER_S))


def _round_up(ns: int, unit_ns: int) -> int:
    return -(-ns // unit_ns)
