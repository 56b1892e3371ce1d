"""Checks of scraper runs and their logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from harness.conformance.case import Check, NotSeenError
from harness.conformance.context import Desk, require, tell
from harness.contract.outcomes import Outcome
from harness.contract.response_models import (
    FINAL_RUN_STATUSES,
    Cursor,
    LogLine,
    LogPage,
    QueuedRun,
)
from harness.workload.payloads import Webhook, altered, run_body

READS_AFTER_THE_END = 12
PAGE_LINES = 7
_PAGES_MAX = 500
_ORDER = {"queued": 0, "running": 1}
_encode = msgspec.json.Encoder().encode


def queue(desk: Desk, webhook: Webhook | Mapping[str, Any] | None = None) -> QueuedRun:
    """Queue a run."""
    slug, body = run_body(int(desk.nonce, 16), desk.number(), webhook)
    queued = desk.good("queue_run", slug, body, key=desk.key()).value
    assert isinstance(queued, QueuedRun)
    return queued


def finish(desk: Desk, run_id: str) -> str:
    """Wait for a run's end; returns its final status, and sees that it never goes back."""
    statuses = ["queued"]

    def final() -> bool:
        status = desk.good("get_run", run_id).state
        before = statuses[-1]
        require(
            _ORDER.get(status, 2) >= _ORDER.get(before, 2),
            f"the run's status went back from {before} to {status}",
        )
        statuses.append(status)
        return status in FINAL_RUN_STATUSES

    desk.until(final, "the run ended")
    return statuses[-1]


def _queue(desk: Desk) -> None:
    queued = queue(desk)
    require(not queued.replayed, "a run with a fresh Idempotency-Key was told as replayed")


def _replayed(desk: Desk) -> None:
    key = desk.key()
    slug, body = run_body(int(desk.nonce, 16), desk.number())
    first = desk.good("queue_run", slug, body, key=key)
    second = desk.good("queue_run", slug, body, key=key)
    require(second.replayed == 1, "the repeated key was not told as replayed")
    require(first.resource_id == second.resource_id, "the repeated key gave another run")


def _without_key(desk: Desk) -> None:
    slug, body = run_body(int(desk.nonce, 16), desk.number())
    first, second = (desk.good("queue_run", slug, body).resource_id for _ in range(2))
    require(first != second, "two requests without a key gave the same run")


def _any_input(desk: Desk) -> None:
    values: tuple[Any, ...] = ({}, [1, "two"], "text", 7, True, None)
    for given in values:
        body = _encode({"input": given})
        desk.good("queue_run", "conform", body, key=desk.key())


def _key_reused(desk: Desk) -> None:
    key = desk.key()
    slug, body = run_body(int(desk.nonce, 16), desk.number())
    desk.good("queue_run", slug, body, key=key)
    reply, answer = desk.ask("queue_run", slug, altered(body), key=key)
    require(
        reply.status == 422,
        f"a used key with another body was answered {reply.status} {answer.code}",
    )


def _links(desk: Desk) -> None:
    queued = queue(desk)
    run_id = queued.run.id or ""
    for name, link, end in (
        ("status", queued.links.status, f"/runs/{run_id}"),
        ("logs", queued.links.logs, f"/runs/{run_id}/logs"),
    ):
        path = urlsplit(link).path
        require(path.endswith(end), f"links.{name} does not lead to …{end}")


def _status(desk: Desk) -> None:
    desk.good("get_run", queue(desk).run.id or "")


def _final(desk: Desk) -> None:
    run_id = queue(desk).run.id or ""
    ended = finish(desk, run_id)
    for _ in range(READS_AFTER_THE_END):
        status = desk.good("get_run", run_id).state
        require(status == ended, f"the run was {ended}, and then {status}")


def _unknown(desk: Desk) -> None:
    reply, answer = desk.ask("get_run", f"conform-{desk.nonce}")
    require(
        reply.status == 404 and answer.outcome is Outcome.NOT_FOUND,
        f"a run that never was is answered {reply.status}",
    )


def _unknown_logs(desk: Desk) -> None:
    reply, answer = desk.ask("get_run_logs", f"conform-{desk.nonce}")
    require(
        reply.status == 404 and answer.outcome is Outcome.NOT_FOUND,
        f"the logs of a run that never was are answered {reply.status}",
    )


def _bounds(desk: Desk) -> None:
    run_id = queue(desk).run.id or ""
    for limit in (0, 1001):
        reply, answer = desk.ask("get_run_logs", run_id, query={"logLimit": limit})
        require(
            reply.status == 400 and answer.outcome is Outcome.CONFIG_INVALID,
            f"logLimit={limit} was answered {reply.status} {tell(answer)}, "
            "not 400 CLOUD_CONFIG_INVALID",
        )
    lines = len(_page(desk, run_id, None).logs)
    require(lines <= 100, f"a page without logLimit has {lines} lines")


def _limit(desk: Desk) -> None:
    run_id = queue(desk).run.id or ""
    finish(desk, run_id)
    page = _page(desk, run_id, 2)
    require(len(page.logs) <= 2, f"logLimit=2 gave {len(page.logs)} lines")


def _pages(desk: Desk) -> None:
    run_id = queue(desk).run.id or ""
    finish(desk, run_id)
    whole = _read(desk, run_id, 1000)
    if len(whole) <= PAGE_LINES:
        raise NotSeenError(f"the run wrote {len(whole)} lines, too few for two pages")
    paged = _read(desk, run_id, PAGE_LINES)
    twice = [line for line, times in Counter(paged).items() if times > Counter(whole)[line]]
    missing = Counter(whole) - Counter(paged)
    require(
        not twice and not missing,
        f"pages of {PAGE_LINES} lines lack {missing.total()} of the {len(whole)} lines of "
        f"the whole, and have {len(twice)} that are not in it",
    )


def _read(desk: Desk, run_id: str, limit: int) -> list[bytes]:
    """All lines of a run, read backwards in pages."""
    lines: list[LogLine] = []
    cursor: Cursor = None
    for _ in range(_PAGES_MAX):
        page = _page(desk, run_id, limit, cursor)
        require(len(page.logs) <= limit, f"logLimit={limit} gave {len(page.logs)} lines")
        lines += page.logs
        cursor = page.next_before_log_cursor
        if cursor is None:
            return [_encode((line.cursor, line.message)) for line in lines]
    raise NotSeenError(f"the log has more than {_PAGES_MAX} pages")


def _page(desk: Desk, run_id: str, limit: int | None, cursor: Cursor = None) -> LogPage:
    query = {"logLimit": limit, "beforeLogCursor": cursor}
    page = desk.good("get_run_logs", run_id, query=query).value
    assert isinstance(page, LogPage)
    return page


CHECKS = (
    Check(
        "get_run.unknown",
        "A run id that is not known is answered 404",
        _unknown,
        source="ours",
        destructive=False,
    ),
    Check(
        "get_run_logs.unknown",
        "The logs of a run id that is not known are answered 404",
        _unknown_logs,
        source="ours",
        destructive=False,
    ),
    Check(
        "queue_run.answer",
        "POST /scrapers/:slug/runs answers run, replayed, links.status and links.logs",
        _queue,
    ),
    Check(
        "queue_run.replayed",
        "A run queued again with its Idempotency-Key is the same run, with replayed: true",
        _replayed,
    ),
    Check(
        "queue_run.without_key",
        "The Idempotency-Key is optional: without one, each request queues a run",
        _without_key,
    ),
    Check("queue_run.any_input", "input is any JSON value", _any_input),
    Check(
        "queue_run.key_reused",
        "A key that comes with another body than before is refused with 422",
        _key_reused,
        source="ours",
    ),
    Check("queue_run.links", "The links lead to the run's status and logs", _links),
    Check(
        "get_run.status",
        "A run is queued, running, succeeded, failed or canceled",
        _status,
    ),
    Check(
        "get_run.final",
        "A run's status never goes back, and a final one stays",
        _final,
    ),
    Check(
        "get_run_logs.bounds",
        "logLimit is from 1 to 1000, and 100 when it is absent",
        _bounds,
        source="ours",
    ),
    Check("get_run_logs.limit", "A page has logLimit lines at most", _limit),
    Check(
        "get_run_logs.pages",
        "beforeLogCursor pages backwards through every line once",
        _pages,
    ),
)
