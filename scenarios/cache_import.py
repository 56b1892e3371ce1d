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

from harness.client.opensteer_client import ExpectedCounts
from harness.fields import Share, Table
from harness.load.user import Iteration, ScenarioUser
from harness.workload.entries import EntryPool

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

    def run_iteration(self, iteration: Iteration) -> None:
        """Make the calls of one arrival."""
        settings, pool = self._settings, self._pool
        low, high = settings.batch
        size = low if low == high else iteration.rng.randint(low, high)
        first = iteration.number * ENTRIES_MAX
        numbers = range(first, first + size)
        client = iteration.client
        body = pool.batch([(number, 1) for number in numbers])
        result = client.import_selector_cache(
            body, iteration.new_idempotency_key(), ExpectedCounts(fresh=size)
        )
        if not result.ok or iteration.stopping:
            return
        draw = iteration.rng.random() if self._varied else 1.0
        if draw < settings.again:
            client.import_selector_cache(
                body, iteration.new_idempotency_key(), ExpectedCounts(same=size)
            )
        elif draw < settings.again + settings.newer:
            body = pool.batch([(number, 2) for number in numbers])
            client.import_selector_cache(
                body, iteration.new_idempotency_key(), ExpectedCounts(newer=size)
            )
        elif draw < settings.again + settings.newer + settings.older:
            body = pool.batch([(number, 0) for number in numbers])
            client.import_selector_cache(
                body, iteration.new_idempotency_key(), ExpectedCounts(older=size)
            )
        if iteration.should_probe():
            iteration.begin_probe()
            body = pool.batch([(number, 1) for number in numbers])
            client.import_selector_cache(
                body,
                iteration.new_idempotency_key(),
                ExpectedCounts(same=size),
                probe="reimport",
            )


class CacheImportUser(ScenarioUser):
    """A user who imports caches."""

    workloads = {"cache_import": CacheImport}  # noqa: RUF012  as Locust's own class settings
