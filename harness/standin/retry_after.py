"""
Styles of Retry-After: correct by default, wrong in six known ways.

==========  ================================================================
exact-ceil  whole seconds, the exact wait rounded up: never too early
decimal     the exact wait with three digits, rounded up; outside RFC 9110
http-date   the instant, rounded up to the next whole second
early       half the exact wait, rounded down to whole seconds
late        exact-ceil and two seconds more
missing     no header
malformed   ``soon``
==========  ================================================================

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
        case "decimal":
            return f"{_round_up(wait_ns, NS_PER_MS) / 1000:.3f}"
        case "http-date":
            return formatdate(_round_up(unix_ns + wait_ns, NS_PER_S), usegmt=True)
        case "early":
            return str(wait_ns // (2 * NS_PER_S))
        case "late":
            return str(_round_up(wait_ns, NS_PER_S) + 2)
        case "exact-ceil":
            return str(_round_up(wait_ns, NS_PER_S))


def _round_up(ns: int, unit_ns: int) -> int:
    return -(-ns // unit_ns)
