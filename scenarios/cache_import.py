"""
Cache import: bulk batches of selector-cache entries, and some of them again.

Each arrival has entries of its own, so what it expects of the answer's counts does
not depend on what other users do: fresh entries first; then, for a share of the
rounds, the same batch again (all skipped), newer versions (updated) and older ones
(skipped).
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from harness.client import Expected
from harness.contract.entries import EntryPool
from harness.fields import Share, Table
from harness.load.user import ScenarioUser, Visit

ENTRIES_MAX = 200
"""The SDK's batch, and the spacing of the arrivals' entries."""

Size = Annotated[int, Field(ge=1, le=ENTRIES_MAX)]


class CacheImport:
    """One round: a batch of fresh entries, now and then followed by versions of it."""

    class Settings(Table):
        """``[scenario.cache_import]``."""

        batch: tuple[Size, Size] = (1, ENTRIES_MAX)
        """Entries a request: uniform in this range."""
        again: Share = 0.2
        """Share of rounds that import the same batch once more."""
        newer: Share = 0.1
        """Share of rounds that import newer versions."""
        older: Share = 0.05
        """Share of rounds that import older versions."""

        @model_validator(mode="after")
        def _check(self) -> Self:
            if self.batch[0] > self.batch[1]:
                msg = "batch = [smallest, largest]: the first is larger than the second"
                raise ValueError(msg)
            return self

    def __init__(self, settings: Settings, seed: int) -> None:
        self._settings = settings
        self._varied = bool(settings.again or settings.newer or settings.older)
        self._pool = EntryPool(seed)

    def round(self, visit: Visit) -> None:
        """Make the calls of one arrival."""
        settings, pool = self._settings, self._pool
        low, high = settings.batch
        size = low if low == high else visit.chance.randint(low, high)
        first = visit.number * ENTRIES_MAX
        numbers = range(first, first + size)
        client = visit.client
        body = pool.batch([(number, 1) for number in numbers])
        result = client.import_selector_cache(body, visit.key(), Expected(fresh=size))
        if not result.ok or visit.stopping:
            return
        draw = visit.chance.random() if self._varied else 1.0
        if draw < settings.again:
            client.import_selector_cache(body, visit.key(), Expected(same=size))
        elif draw < settings.again + settings.newer:
            body = pool.batch([(number, 2) for number in numbers])
            client.import_selector_cache(body, visit.key(), Expected(newer=size))
        elif draw < settings.again + settings.newer + settings.older:
            body = pool.batch([(number, 0) for number in numbers])
            client.import_selector_cache(body, visit.key(), Expected(older=size))
        if visit.probing():
            visit.as_probe()
            body = pool.batch([(number, 1) for number in numbers])
            client.import_selector_cache(
                body, visit.key(), Expected(same=size), probe="reimport"
            )


class CacheImportUser(ScenarioUser):
    """A user who imports caches."""

    workloads = {"cache_import": CacheImport}  # noqa: RUF012  as Locust's own class settings
