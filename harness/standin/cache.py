"""
The selector cache: what an import inserts, updates and skips.

An entry's key is (namespace, siteOrigin, method, descriptionHash). A new entry is inserted, a
newer ``updatedAt`` updates, anything else is skipped; the three counts add up to the entries
sent. Nothing reads entries back, so only their times are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

CacheKey = tuple[str, str, str, str]


class Imported(NamedTuple):
    """Counts of one import."""

    inserted: int
    updated: int
    skipped: int


class SelectorCache:
    """The cache of one workspace, with its total counts."""

    def __init__(self) -> None:
        self.updated_us: dict[CacheKey, int] = {}
        self.inserted = 0
        self.updated = 0
        self.skipped = 0

    def import_entries(
        self, entries: Iterable[tuple[CacheKey, int]], *, older_wins: bool = False
    ) -> Imported:
        """Import keys and updatedAt (Unix µs) in order; the lie lets an older time overwrite."""
        inserted = updated = skipped = 0
        known = self.updated_us
        for key, updated_us in entries:
            before_us = known.get(key)
            if before_us is None:
                inserted += 1
            elif updated_us > before_us or (older_wins and updated_us < before_us):
                updated += 1
            else:
                skipped += 1
                continue
            known[key] = updated_us
        self.inserted += inserted
        self.updated += updated
        self.skipped += skipped
        return Imported(inserted, updated, skipped)
