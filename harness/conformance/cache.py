"""Checks of the selector cache."""

from __future__ import annotations

import msgspec

from harness.conformance.case import Check
from harness.conformance.context import Desk, require
from harness.contract.response_models import ImportCounts
from harness.workload.entries import EntryPool, Times

BATCH = 200
"""Entries that the SDK sends in one request."""


def _import_iso(desk: Desk) -> None:
    _import(desk, "iso")


def _import_ms(desk: Desk) -> None:
    _import(desk, "epoch_ms")


def _import(desk: Desk, times: Times) -> None:
    pool = EntryPool(
        int(desk.nonce, 16), style="seed" if times == "iso" else "sdk", times=times
    )
    _count(desk, pool, [(desk.number(), 0)])


def _import_again(desk: Desk) -> None:
    pool, entry = EntryPool(int(desk.nonce, 16)), (desk.number(), 0)
    _count(desk, pool, [entry])
    _count(desk, pool, [entry])


def _import_key(desk: Desk) -> None:
    pool, key = EntryPool(int(desk.nonce, 16)), desk.key()
    body = pool.batch([(desk.number(), 0)])
    for _ in range(2):
        desk.good("import_selector_cache", body=body, key=key)


def _import_batch(desk: Desk) -> None:
    pool = EntryPool(int(desk.nonce, 16), style="sdk")
    counts = _count(desk, pool, [(desk.number(), 0) for _ in range(BATCH)])
    told = counts.inserted + counts.updated + counts.skipped
    require(told == BATCH, f"{BATCH} entries were counted {_tell(counts)}")


def _accounting(desk: Desk) -> None:
    pool = EntryPool(int(desk.nonce, 16))
    first, second, third = (desk.number() for _ in range(3))
    for entries, expected, told in (
        ([(first, 1), (second, 1)], (2, 0, 0), "two new entries"),
        ([(first, 1), (third, 0)], (1, 0, 1), "one entry again and a new one"),
        ([(first, 0)], (0, 0, 1), "an entry with an older updatedAt"),
        ([(first, 2), (second, 1)], (0, 1, 1), "a newer entry and one again"),
    ):
        counts = _count(desk, pool, entries)
        require(
            (counts.inserted, counts.updated, counts.skipped) == expected,
            f"{told} were counted {_tell(counts)}",
        )


def _count(desk: Desk, pool: EntryPool, entries: list[tuple[int, int]]) -> ImportCounts:
    counts = desk.good("import_selector_cache", body=pool.batch(entries)).value
    assert isinstance(counts, ImportCounts)
    return counts


def _tell(counts: ImportCounts) -> str:
    return ", ".join(f"{name} {n}" for name, n in msgspec.structs.asdict(counts).items())


CHECKS = (
    Check(
        "import_selector_cache.answer",
        "POST /selector-cache/import takes ISO-8601 times and counts imported, inserted, "
        "updated and skipped",
        _import_iso,
    ),
    Check(
        "import_selector_cache.epoch_ms",
        "An import takes the SDK's times, epoch milliseconds",
        _import_ms,
        source="client",
    ),
    Check("import_selector_cache.again", "An entry imported twice is no error", _import_again),
    Check(
        "import_selector_cache.repeated_key",
        "An import repeated with its Idempotency-Key is no error",
        _import_key,
    ),
    Check(
        "import_selector_cache.batch",
        "An import takes 200 entries, as many as the SDK sends in one request",
        _import_batch,
        source="client",
    ),
    Check(
        "import_selector_cache.accounting",
        "Every entry is counted once: new as inserted, newer as updated, else as skipped",
        _accounting,
        source="ours",
    ),
)
