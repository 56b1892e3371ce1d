"""
Cache import: batches of selector-cache entries, some of them repeated.

Each arrival has its own entries, so the expected counts do not depend on other users: new entries
first, then, for a share of iterations, the same batch (skipped), newer versions (updated) or older
versions (skipped).
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from harness.client.opensteer_client import ExpectedCounts
from harness.fields import Share, Table
from harness.load.user import Iteration, ScenarioUser
from harness.workload.entries import EntryPool

ENTRIES_MAX = 200
"""The SDK's batch size, and the number of entries reserved per arrival."""

Size = Annotated[int, Field(ge=1, le=ENTRIES_MAX)]


class CacheImport:
    """One iteration: a batch of new entries, sometimes followed by versions of it."""

    class Settings(Table):
        """``[scenario.cache_import]``."""

        batch: tuple[Size, Size] = (1, ENTRIES_MAX)  # entries per request, uniform in this range
        again: Share = 0.2  # share of iterations that import the same batch again
        newer: Share = 0.1  # share of iterations that import newer versions
        older: Share = 0.05  # share of iterations that import older versions

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

        def batch(version: int) -> bytes:
            return pool.batch([(number, version) for number in numbers])

        def send(body: bytes, expected: ExpectedCounts, probe: str = "") -> bool:
            key = iteration.new_idempotency_key()
            return iteration.client.import_selector_cache(body, key, expected, probe=probe).ok

        body = batch(1)
        if not send(body, ExpectedCounts(fresh=size)) or iteration.stopping:
            return
        draw = iteration.rng.random() if self._varied else 1.0
        if draw < settings.again:
            send(body, ExpectedCounts(same=size))
        elif draw < settings.again + settings.newer:
            send(batch(2), ExpectedCounts(newer=size))
        elif draw < settings.again + settings.newer + settings.older:
            send(batch(0), ExpectedCounts(older=size))
        if iteration.should_probe():
            iteration.begin_probe()
            send(body, ExpectedCounts(same=size), "reimport")


class CacheImportUser(ScenarioUser):
    """A user who imports selector caches."""

    workloads = {"cache_import": CacheImport}  # noqa: RUF012  as Locust's own class settings
