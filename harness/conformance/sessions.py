"""Checks of sessions and of the selector cache."""

from __future__ import annotations

import msgspec

from harness.conformance.check import Check
from harness.conformance.desk import Desk, require, tell
from harness.contract.entries import EntryPool, Times
from harness.contract.outcomes import Outcome
from harness.contract.shapes import ImportCounts

_CLOSED = frozenset({Outcome.SESSION_CLOSED, Outcome.NOT_FOUND})


def _create(desk: Desk) -> None:
    desk.open_session()


def _session_ids(desk: Desk) -> None:
    first, second = desk.open_session(), desk.open_session()
    require(first.session_id != second.session_id, "two creates gave the same sessionId")


def _create_again(desk: Desk) -> None:
    key, body = desk.key(), desk.session_body()
    first = desk.open_session(key=key, body=body)
    second = desk.open_session(key=key, body=body)
    require(
        first.session_id == second.session_id,
        "a create repeated with its Idempotency-Key opened a second session",
    )


def _get(desk: Desk) -> None:
    created = desk.open_session()
    answer = desk.good("get_session", created.session_id)
    require(answer.resource_id == created.session_id, "the answer speaks of another session")


def _delete(desk: Desk) -> None:
    desk.good("delete_session", desk.open_session().session_id)


def _closed(desk: Desk) -> None:
    session_id = desk.open_session().session_id
    desk.good("delete_session", session_id)
    answer = desk.ask("get_session", session_id).answer
    told = answer.outcome is Outcome.OK and answer.state in {"closing", "closed"}
    require(
        told or (answer.outcome in _CLOSED and bool(answer.code)),
        f"a deleted session is answered {tell(answer)} {answer.state}".rstrip()
        + ", not as closed, CLOUD_SESSION_CLOSED or CLOUD_SESSION_NOT_FOUND",
    )


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
        "create_session.answer",
        "POST /sessions answers sessionId, actionWsUrl, cdpWsUrl, actionToken, cdpToken, "
        "cloudSessionUrl and cloudSession",
        _create,
    ),
    Check("create_session.distinct", "Each session has an id of its own", _session_ids),
    Check(
        "create_session.idempotent",
        "A create repeated with its Idempotency-Key opens no second session",
        _create_again,
    ),
    Check("get_session.answer", "GET /sessions/:sessionId answers the session", _get),
    Check("delete_session.answer", "DELETE /sessions/:sessionId closes the session", _delete),
    Check(
        "delete_session.closed",
        "A session that was deleted is told as closed, or as not there",
        _closed,
    ),
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
        "import_selector_cache.accounting",
        "Every entry is counted once: new as inserted, newer as updated, else as skipped",
        _accounting,
        source="ours",
    ),
)
