"""How many examples a costly property gets: few in `make test`, many where new ones are sought."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

_TIMES = 1 if settings.default and settings.default.derandomize else 25


def scaled_settings(examples: int, **options: Any) -> settings:
    """Settings of so many examples; 25 times as many in `make bench-stats`."""
    return settings(deadline=None, max_examples=examples * _TIMES, **options)
