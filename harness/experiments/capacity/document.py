"""
The answer of the session search as the document of capacity.json.

Times are milliseconds, sightings seconds since the first answer; what was not measured is
null, which is not zero.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from harness.experiments.capacity.order_statistics import quantile_of_values
from harness.experiments.capacity.session_words import Created, Sessions

SCHEMA = 1
FULL_CODES = frozenset({"CLOUD_CAPACITY_FULL", "CLOUD_CAPACITY_EXHAUSTED"})
"""Names by which a clean refusal says that the target is full."""


def sessions_document(found: Sessions, *, leaked: int, interrupted: bool) -> dict[str, Any]:
    """
    The document.

    Args:
        found: What the search says.
        leaked: Sessions that could not be closed, whoever tried last.
        interrupted: The operator ended the search early.
    """
    seen = [sighting.sessions for sighting in found.sightings]
    refusal = _describe_refusal(found.refusals)
    begun_s = min((sighting.at_s for sighting in found.sightings), default=0.0)
    return {
        "schema": SCHEMA,
        "kind": "sessions",
        "ceiling": found.ceiling,
        "bounded": found.bounded,
        "ceiling_low": min(seen, default=found.ceiling),
        "ceiling_high": None if found.bounded else max(seen, default=found.ceiling),
        "refusal_code": refusal["code"],
        "release_ms": _percentiles([s * 1e3 for s in found.releases_s])
        | {
            "count": len(found.releases_s),
            "resolution": _ms(found.release_step_s) if found.releases_s else None,
        },
        "over_admitted": found.over_admitted,
        "leaked": leaked,
        "races": found.races,
        "refusal": refusal,
        "failed_creates": found.failed,
        "lost_answers": found.lost,
        "slots_lost": None if found.refill_failed is None else found.slots_lost,
        "slots_lost_after": found.refill_failed,
        "rate_limited": found.rate_limited,
        "opened": found.opened,
        "interrupted": interrupted,
        "notes": list(found.notes),
        "sightings": [
            {"at_s": round(s.at_s - begun_s, 3), "sessions": s.sessions}
            for s in found.sightings
        ],
        "releases_ms": [_ms(s) for s in found.releases_s],
    }


def describe_ceiling(document: Mapping[str, Any]) -> str:
    """The ceiling in words: ``37``, ``30 to 37``, ``64 or more``; "unknown"."""
    if document["ceiling"] is None:
        return "unknown"
    if document["bounded"]:
        return f"{document['ceiling']} or more"
    low, high = document["ceiling_low"], document["ceiling_high"]
    return f"{low}" if low == high else f"{low} to {high}, most often {document['ceiling']}"


def _describe_refusal(refusals: Sequence[Created]) -> dict[str, Any]:
    codes = Counter(refusal.code for refusal in refusals)
    told = sum(not math.isnan(refusal.retry_after_s) for refusal in refusals)
    return {
        "code": codes.most_common(1)[0][0] or None if codes else None,
        "codes": dict(codes),
        "count": len(refusals),
        "clean": bool(codes) and len(codes) == 1 and not codes.keys() - FULL_CODES,
        "retry_after_fraction": round(told / len(refusals), 4) if refusals else None,
        "latency_ms": _percentiles([(r.end_s - r.start_s) * 1e3 for r in refusals]),
    }


def _percentiles(values_ms: Sequence[float]) -> dict[str, float | None]:
    if not values_ms:
        return {"p50": None, "p99": None}
    return {
        name: round(quantile_of_values(values_ms, share).estimate, 3)
        for name, share in (("p50", 0.5), ("p99", 0.99))
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 3)
