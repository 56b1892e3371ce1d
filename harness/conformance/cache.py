"""Checks of the selector cache."""

from __future__ import annotations

import msgspec

from harness.conformance.case import ConformanceCase
from harness.conformance.context import CaseContext, require
from harness.contract.response_models import ImportCounts
from harness.workload.entries import EntryPool, Times

BATCH = 200
"""Entries that the SDK sends in one request."""


def _import_iso(context: CaseContext) -> None:
    _import(context, "iso")


def _import_ms(context: CaseContext) -> None:
    _import(context, "epoch_ms")


def _import(context: CaseContext, times: Times) -> None:
    pool = EntryPool(int(context.nonce, 16), style="seed" if times == "iso" else "sdk", times=times)
    _count(context, pool, [(context.number(), 0)])


def _import_again(context: CaseContext) -> None:
    pool, entry = EntryPool(int(context.nonce, 16)), (context.number(), 0)
    _count(context, pool, [entry])
    _count(context, pool, [entry])


def _import_key(context: CaseContext) -> None:
    pool, key = EntryPool(int(context.nonce, 16)), context.key()
    body = pool.batch([(context.number(), 0)])
    for _ in range(2):
        context.expect_ok("import_selector_cache", body=body, key=key)


def _import_batch(context: CaseContext) -> None:
    pool = EntryPool(int(context.nonce, 16), style="sdk")
    counts = _count(context, pool, [(context.number(), 0) for _ in range(BATCH)])
    what = counts.inserted + counts.updated + counts.skipped
    require(what == BATCH, f"{BATCH} entries were counted {_describe(counts)}")


def _accounting(context: CaseContext) -> None:
    pool = EntryPool(int(context.nonce, 16))
    first, second, third = (context.number() for _ in range(3))
    for entries, expected, what in (
        ([(first, 1), (second, 1)], (2, 0, 0), "two new entries"),
        ([(first, 1), (third, 0)], (1, 0, 1), "one entry again and a new one"),
        ([(first, 0)], (0, 0, 1), "an entry with an older updatedAt"),
        ([(first, 2), (second, 1)], (0, 1, 1), "a newer entry and one again"),
    ):
        counts = _count(context, pool, entries)
        require(
            (counts.inserted, counts.updated, counts.skipped) == expected,
            f"{what} were counted {_describe(counts)}",
        )


def _count(context: CaseContext, pool: EntryPool, entries: list[tuple[int, int]]) -> ImportCounts:
    counts = context.expect_ok("import_selector_cache", body=pool.batch(entries)).value
    assert isinstance(counts, ImportCounts)
    return counts


def _describe(counts: ImportCounts) -> str:
    return ", ".join(f"{name} {n}" for name, n in msgspec.structs.asdict(counts).items())


CHECKS = (
    ConformanceCase(
        "import_selector_cache.answer",
        "POST /selector-cache/import takes ISO-8601 times and counts imported, inserted, "
        "updated and skipped",
        _import_iso,
    ),
    ConformanceCase(
        "import_selector_cache.epoch_ms",
        "An import takes the SDK's times, epoch milliseconds",
        _import_ms,
        source="client",
    ),
    ConformanceCase(
        "import_selector_cache.again", "An entry imported twice is no error", _import_again
    ),
    ConformanceCase(
        "import_selector_cache.repeated_key",
        "An import repeated with its Idempotency-Key is no error",
        _import_key,
    ),
    ConformanceCase(
        "import_selector_cache.batch",
        "An import takes 200 entries, as many as the SDK sends in one request",
        _import_batch,
        source="client",
    ),
    ConformanceCase(
        "import_selector_cache.accounting",
        "Every entry is counted once: new as inserted, newer as updated, else as skipped",
        _accounting,
        source="ours",
    ),
)
