"""Checks of scraper runs and their logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from harness.conformance.case import CaseSkippedError, ConformanceCase
from harness.conformance.context import CaseContext, describe, require
from harness.contract.outcomes import Outcome
from harness.contract.response_models import (
    FINAL_RUN_STATUSES,
    Cursor,
    LogLine,
    LogPage,
    QueuedRun,
)
from harness.workload.payloads import Webhook, mutate_body, run_body

READS_AFTER_END = 12
PAGE_LINES = 7
_PAGES_MAX = 500
_ORDER = {"queued": 0, "running": 1}
_encode = msgspec.json.Encoder().encode


def queue(context: CaseContext, webhook: Webhook | Mapping[str, Any] | None = None) -> QueuedRun:
    """Queue a run."""
    slug, body = run_body(int(context.nonce, 16), context.number(), webhook)
    queued = context.expect_ok("queue_run", slug, body, key=context.key()).value
    assert isinstance(queued, QueuedRun)
    return queued


def wait_for_end(context: CaseContext, run_id: str) -> str:
    """Wait for a run's end; returns its final status, and sees that it never goes back."""
    statuses = ["queued"]

    def final() -> bool:
        status = context.expect_ok("get_run", run_id).state
        before = statuses[-1]
        require(
            _ORDER.get(status, 2) >= _ORDER.get(before, 2),
            f"the run's status went back from {before} to {status}",
        )
        statuses.append(status)
        return status in FINAL_RUN_STATUSES

    context.wait_until(final, "the run ended")
    return statuses[-1]


def _queue(context: CaseContext) -> None:
    queued = queue(context)
    require(not queued.replayed, "a run with a fresh Idempotency-Key was told as replayed")


def _replayed(context: CaseContext) -> None:
    key = context.key()
    slug, body = run_body(int(context.nonce, 16), context.number())
    first = context.expect_ok("queue_run", slug, body, key=key)
    second = context.expect_ok("queue_run", slug, body, key=key)
    require(second.replayed == 1, "the repeated key was not told as replayed")
    require(first.resource_id == second.resource_id, "the repeated key gave another run")


def _without_key(context: CaseContext) -> None:
    slug, body = run_body(int(context.nonce, 16), context.number())
    first, second = (context.expect_ok("queue_run", slug, body).resource_id for _ in range(2))
    require(first != second, "two requests without a key gave the same run")


def _any_input(context: CaseContext) -> None:
    values: tuple[Any, ...] = ({}, [1, "two"], "text", 7, True, None)
    for given in values:
        body = _encode({"input": given})
        context.expect_ok("queue_run", "conform", body, key=context.key())


def _key_reused(context: CaseContext) -> None:
    key = context.key()
    slug, body = run_body(int(context.nonce, 16), context.number())
    context.expect_ok("queue_run", slug, body, key=key)
    response, interpretation = context.call("queue_run", slug, mutate_body(body), key=key)
    require(
        response.status == 422,
        f"a used key with another body was answered {response.status} {interpretation.code}",
    )


def _links(context: CaseContext) -> None:
    queued = queue(context)
    run_id = queued.run.id or ""
    for name, link, end in (
        ("status", queued.links.status, f"/runs/{run_id}"),
        ("logs", queued.links.logs, f"/runs/{run_id}/logs"),
    ):
        path = urlsplit(link).path
        require(path.endswith(end), f"links.{name} does not lead to …{end}")


def _status(context: CaseContext) -> None:
    context.expect_ok("get_run", queue(context).run.id or "")


def _final(context: CaseContext) -> None:
    run_id = queue(context).run.id or ""
    ended = wait_for_end(context, run_id)
    for _ in range(READS_AFTER_END):
        status = context.expect_ok("get_run", run_id).state
        require(status == ended, f"the run was {ended}, and then {status}")


def _unknown(context: CaseContext) -> None:
    response, interpretation = context.call("get_run", f"conform-{context.nonce}")
    require(
        response.status == 404 and interpretation.outcome is Outcome.NOT_FOUND,
        f"a run that never was is answered {response.status}",
    )


def _unknown_logs(context: CaseContext) -> None:
    response, interpretation = context.call("get_run_logs", f"conform-{context.nonce}")
    require(
        response.status == 404 and interpretation.outcome is Outcome.NOT_FOUND,
        f"the logs of a run that never was are answered {response.status}",
    )


def _bounds(context: CaseContext) -> None:
    run_id = queue(context).run.id or ""
    for limit in (0, 1001):
        response, interpretation = context.call("get_run_logs", run_id, query={"logLimit": limit})
        require(
            response.status == 400 and interpretation.outcome is Outcome.CONFIG_INVALID,
            f"logLimit={limit} was answered {response.status} {describe(interpretation)}, "
            "not 400 CLOUD_CONFIG_INVALID",
        )
    lines = len(_page(context, run_id, None).logs)
    require(lines <= 100, f"a page without logLimit has {lines} lines")


def _limit(context: CaseContext) -> None:
    run_id = queue(context).run.id or ""
    wait_for_end(context, run_id)
    page = _page(context, run_id, 2)
    require(len(page.logs) <= 2, f"logLimit=2 gave {len(page.logs)} lines")


def _pages(context: CaseContext) -> None:
    run_id = queue(context).run.id or ""
    wait_for_end(context, run_id)
    whole = _read(context, run_id, 1000)
    if len(whole) <= PAGE_LINES:
        raise CaseSkippedError(f"the run wrote {len(whole)} lines, too few for two pages")
    paged = _read(context, run_id, PAGE_LINES)
    twice = [line for line, times in Counter(paged).items() if times > Counter(whole)[line]]
    missing = Counter(whole) - Counter(paged)
    require(
        not twice and not missing,
        f"pages of {PAGE_LINES} lines lack {missing.total()} of the {len(whole)} lines of "
        f"the whole, and have {len(twice)} that are not in it",
    )


def _read(context: CaseContext, run_id: str, limit: int) -> list[bytes]:
    """All lines of a run, read backwards in pages."""
    lines: list[LogLine] = []
    cursor: Cursor = None
    for _ in range(_PAGES_MAX):
        page = _page(context, run_id, limit, cursor)
        require(len(page.logs) <= limit, f"logLimit={limit} gave {len(page.logs)} lines")
        lines += page.logs
        cursor = page.next_before_log_cursor
        if cursor is None:
            return [_encode((line.cursor, line.message)) for line in lines]
    raise CaseSkippedError(f"the log has more than {_PAGES_MAX} pages")


def _page(context: CaseContext, run_id: str, limit: int | None, cursor: Cursor = None) -> LogPage:
    query = {"logLimit": limit, "beforeLogCursor": cursor}
    page = context.expect_ok("get_run_logs", run_id, query=query).value
    assert isinstance(page, LogPage)
    return page


CHECKS = (
    ConformanceCase(
        "get_run.unknown",
        "A run id that is not known is answered 404",
        _unknown,
        source="ours",
        destructive=False,
    ),
    ConformanceCase(
        "get_run_logs.unknown",
        "The logs of a run id that is not known are answered 404",
        _unknown_logs,
        source="ours",
        destructive=False,
    ),
    ConformanceCase(
        "queue_run.answer",
        "POST /scrapers/:slug/runs answers run, replayed, links.status and links.logs",
        _queue,
    ),
    ConformanceCase(
        "queue_run.replayed",
        "A run queued again with its Idempotency-Key is the same run, with replayed: true",
        _replayed,
    ),
    ConformanceCase(
        "queue_run.without_key",
        "The Idempotency-Key is optional: without one, each request queues a run",
        _without_key,
    ),
    ConformanceCase("queue_run.any_input", "input is any JSON value", _any_input),
    ConformanceCase(
        "queue_run.key_reused",
        "A key that comes with another body than before is refused with 422",
        _key_reused,
        source="ours",
    ),
    ConformanceCase("queue_run.links", "The links lead to the run's status and logs", _links),
    ConformanceCase(
        "get_run.status",
        "A run is queued, running, succeeded, failed or canceled",
        _status,
    ),
    ConformanceCase(
        "get_run.final",
        "A run's status never goes back, and a final one stays",
        _final,
    ),
    ConformanceCase(
        "get_run_logs.bounds",
        "logLimit is from 1 to 1000, and 100 when it is absent",
        _bounds,
        source="ours",
    ),
    ConformanceCase("get_run_logs.limit", "A page has logLimit lines at most", _limit),
    ConformanceCase(
        "get_run_logs.pages",
        "beforeLogCursor pages backwards through every line once",
        _pages,
    ),
)
