"""Cases of the selector cache."""

from __future__ import annotations

import msgspec

from harness.conformance.case import CaseList
from harness.conformance.context import CaseContext, require
from harness.contract.response_models import ImportCounts
from harness.workload.entries import EntryPool

CASES = CaseList()
BATCH = 200
"""Entries that the SDK sends in one request."""


@CASES.case(
    "import_selector_cache.answer",
    "POST /selector-cache/import accepts ISO-8601 times and counts imported, inserted, updated "
    "and skipped",
)
def _import_iso(context: CaseContext) -> None:
    pool = EntryPool(context.seed, style="seed", times="iso")
    _count(context, pool, [(context.number(), 0)])


@CASES.case(
    "import_selector_cache.epoch_ms",
    "An import accepts the SDK's times, epoch milliseconds",
    source="client",
)
def _import_ms(context: CaseContext) -> None:
    pool = EntryPool(context.seed, style="sdk", times="epoch_ms")
    _count(context, pool, [(context.number(), 0)])


@CASES.case("import_selector_cache.again", "An entry imported twice is not an error")
def _import_again(context: CaseContext) -> None:
    pool, entry = EntryPool(context.seed), (context.number(), 0)
    for _ in range(2):
        _count(context, pool, [entry])


@CASES.case(
    "import_selector_cache.repeated_key",
    "An import repeated with its Idempotency-Key is not an error",
)
def _import_key(context: CaseContext) -> None:
    key, body = context.key(), EntryPool(context.seed).batch([(context.number(), 0)])
    for _ in range(2):
        context.expect_ok("import_selector_cache", body=body, key=key)


@CASES.case(
    "import_selector_cache.batch",
    "An import accepts 200 entries, as many as the SDK sends in one request",
    source="client",
)
def _import_batch(context: CaseContext) -> None:
    pool = EntryPool(context.seed, style="sdk")
    counts = _count(context, pool, [(context.number(), 0) for _ in range(BATCH)])
    total = counts.inserted + counts.updated + counts.skipped
    require(total == BATCH, f"{BATCH} entries were counted {_describe(counts)}")


@CASES.case(
    "import_selector_cache.accounting",
    "Every entry is counted once: new as inserted, newer as updated, else as skipped",
    source="ours",
)
def _accounting(context: CaseContext) -> None:
    pool = EntryPool(context.seed)
    first, second, third = (context.number() for _ in range(3))
    for entries, expected, what in (
        ([(first, 1), (second, 1)], (2, 0, 0), "two new entries"),
        ([(first, 1), (third, 0)], (1, 0, 1), "a known entry and a new one"),
        ([(first, 0)], (0, 0, 1), "an entry with an older updatedAt"),
        ([(first, 2), (second, 1)], (0, 1, 1), "a newer entry and a known one"),
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
