"""The results of capacity.json in words, for the terminal and reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BOUNDS = {
    "slo": "an objective failed at a higher rate",
    "max_rate": "the objectives still hold at the highest allowed rate",
    "generator": "the load generator reached its limit",
    "doomed": "the objectives fail at the first rate",
    "unknown": "no valid observation",
}


def describe_ceiling(document: Mapping[str, Any]) -> str:
    """The ceiling: ``37``, ``30 to 37, most often 36``, ``64 or more``; "unknown"."""
    ceiling = document.get("ceiling")
    if ceiling is None:
        return "unknown"
    if document.get("bounded"):
        return f"{ceiling} or more"
    low, high = document.get("ceiling_low", ceiling), document.get("ceiling_high", ceiling)
    return f"{ceiling}" if low == high else f"{low} to {high}, most often {ceiling}"


def describe_release(document: Mapping[str, Any], name: str) -> str | None:
    """A percentile of the release time: ``314 ms, or up to 61 ms less``; None if unknown."""
    release = document.get("release_ms") or {}
    value, resolution = release.get(name), release.get("resolution")
    if value is None:
        return None
    text = _ms(value)
    if not resolution:
        return text
    # The first poll may already have come too late.
    return f"{text} at most" if resolution >= value else f"{text}, or up to {_ms(resolution)} less"


def describe_refusal(document: Mapping[str, Any]) -> str | None:
    """``in 11 ms (p99 41 ms), 0 % with Retry-After``; None without a refusal."""
    refusal = document.get("refusal") or {}
    times, retry_after_share = refusal.get("latency_ms") or {}, refusal.get("retry_after_fraction")
    if not refusal.get("count") or times.get("p50") is None or retry_after_share is None:
        return None
    spent = f"in {_ms(times['p50'])} (p99 {_ms(times['p99'])})"
    return f"{spent}, {100 * retry_after_share:.0f} % with Retry-After"


def describe_rate(document: Mapping[str, Any]) -> str | None:
    """The highest rate: ``191.3/s``, or ``20/s or more``; None if unknown."""
    rate = document.get("max_rate_per_s") or {}
    if rate.get("estimate") is None:
        return None
    return f"{rate['estimate']:.4g}/s{'' if rate.get('high') is not None else ' or more'}"


def served_at_highest(document: Mapping[str, Any]) -> float | None:
    """Least arrivals served per second of the passed steps at the highest rate; None if none."""
    rate = (document.get("max_rate_per_s") or {}).get("estimate")
    served = [
        float(step["served_per_s"])
        for step in document.get("steps", ())
        if step.get("decision") == "pass"
        and step.get("rate_per_s") == rate
        and isinstance(step.get("served_per_s"), int | float)
    ]
    return min(served, default=None)


def describe_bound(document: Mapping[str, Any]) -> str:
    """What ended a throughput search."""
    bound = str(document.get("bound"))
    return _BOUNDS.get(bound, bound)


def _ms(value: float) -> str:
    return f"{value:.3g} ms" if value < 100 else f"{value:.0f} ms"
