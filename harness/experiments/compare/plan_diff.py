"""The differences between two plans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def diff_documents(
    baseline: Mapping[str, Any], candidate: Mapping[str, Any], prefix: str = ""
) -> Iterator[str]:
    """One line per different key: ``plan.load.users: 100 → 200``; a list is one value."""
    for key in sorted(set(baseline) | set(candidate)):
        one, other = (side.get(key, "absent") for side in (baseline, candidate))
        name = f"{prefix}{key}"
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from diff_documents(one, other, f"{name}.")
        elif one != other:
            yield f"{name}: {_brief(one)} → {_brief(other)}"


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
