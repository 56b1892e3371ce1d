"""Cases of scraper runs and their logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from harness.conformance.case import CaseList
from harness.conformance.context import (
    CaseContext,
    CaseSkippedError,
    describe,
    require,
    require_status,
)
from harness.contract.outcomes import Outcome
from harness.contract.response_models import FINAL_RUN_STATUSES, Cursor, LogLine, LogPage, QueuedRun
from harness.workload.payloads import Webhook, mutate_body, run_body

CASES = CaseList()
READS_AFTER_END = 12
PAGE_LINES = 7
_PAGES_MAX = 500
_ORDER = {"queued": 0, "running": 1}
_encode = msgspec.json.Encoder().encode


def queue(context: CaseContext, webhook: Webhook | Mapping[str, Any] | None = None) -> QueuedRun:
    """Queue a run."""
    slug, body = run_body(context.seed, context.number(), webhook)
    queued = context.expect_ok("queue_run", slug, body, key=context.key()).value
    assert isinstance(queued, QueuedRun)
    return queued


def wait_for_end(context: CaseContext, run_id: str) -> str:
    """Wait for a run's end; returns its final status, and requires that none goes back."""
    statuses = ["queued"]

    def is_final() -> bool:
        status = context.expect_ok("get_run", run_id).state
        before = statuses[-1]
        require(
            _ORDER.get(status, 2) >= _ORDER.get(before, 2),
            f"the run's status went back from {before} to {status}",
        )
        statuses.append(status)
        return status in FINAL_RUN_STATUSES

    context.wait_until(is_final, "the run ended")
    return statuses[-1]


def _queue_id(context: CaseContext) -> str:
    return queue(context).run.id or ""


@CASES.case(
    "get_run.unknown", "An unknown run id is answered 404", source="ours", destructive=False
)
def _unknown(context: CaseContext) -> None:
    _require_not_found(context, "get_run")


@CASES.case(
    "get_run_logs.unknown",
    "The logs of an unknown run id are answered 404",
    source="ours",
    destructive=False,
)
def _unknown_logs(context: CaseContext) -> None:
    _require_not_found(context, "get_run_logs")


def _require_not_found(context: CaseContext, operation: str) -> None:
    response, interpretation = context.call(operation, context.unknown_id)
    require(
        response.status == 404 and interpretation.outcome is Outcome.NOT_FOUND,
        f"{operation} of an unknown run: got {response.status} {describe(interpretation)}, not 404",
    )


@CASES.case(
    "queue_run.answer",
    "POST /scrapers/:slug/runs answers run, replayed, links.status and links.logs",
)
def _queue(context: CaseContext) -> None:
    require(not queue(context).replayed, "a run with a new Idempotency-Key has replayed: true")


@CASES.case(
    "queue_run.replayed",
    "A run queued again with its Idempotency-Key is the same run, with replayed: true",
)
def _replayed(context: CaseContext) -> None:
    key = context.key()
    slug, body = run_body(context.seed, context.number())
    first, second = (context.expect_ok("queue_run", slug, body, key=key) for _ in range(2))
    require(second.replayed == 1, "the repeated key does not have replayed: true")
    require(first.resource_id == second.resource_id, "the repeated key got another run")


@CASES.case(
    "queue_run.without_key",
    "The Idempotency-Key is optional: without one, each request queues a run",
)
def _without_key(context: CaseContext) -> None:
    slug, body = run_body(context.seed, context.number())
    first, second = (context.expect_ok("queue_run", slug, body).resource_id for _ in range(2))
    require(first != second, "two requests without a key got the same run")


@CASES.case("queue_run.any_input", "input is any JSON value")
def _any_input(context: CaseContext) -> None:
    values: tuple[Any, ...] = ({}, [1, "two"], "text", 7, True, None)
    for value in values:
        context.expect_ok("queue_run", "conform", _encode({"input": value}), key=context.key())


@CASES.case(
    "queue_run.key_reused", "A used key with another body is refused with 422", source="ours"
)
def _key_reused(context: CaseContext) -> None:
    key = context.key()
    slug, body = run_body(context.seed, context.number())
    context.expect_ok("queue_run", slug, body, key=key)
    exchange = context.call("queue_run", slug, mutate_body(body), key=key)
    require_status(exchange, "a used key with another body", 422)


@CASES.case("queue_run.links", "The links lead to the run's status and logs")
def _links(context: CaseContext) -> None:
    queued = queue(context)
    run_id = queued.run.id or ""
    for name, link, end in (
        ("status", queued.links.status, f"/runs/{run_id}"),
        ("logs", queued.links.logs, f"/runs/{run_id}/logs"),
    ):
        require(urlsplit(link).path.endswith(end), f"links.{name} does not lead to …{end}")


@CASES.case("get_run.status", "A run is queued, running, succeeded, failed or canceled")
def _status(context: CaseContext) -> None:
    context.expect_ok("get_run", _queue_id(context))


@CASES.case("get_run.final", "A run's status never goes back, and a final one does not change")
def _final(context: CaseContext) -> None:
    run_id = _queue_id(context)
    final = wait_for_end(context, run_id)
    for _ in range(READS_AFTER_END):
        status = context.expect_ok("get_run", run_id).state
        require(status == final, f"the run was {final}, and then {status}")


@CASES.case("get_run_logs.bounds", "logLimit is from 1 to 1000, and 100 by default", source="ours")
def _bounds(context: CaseContext) -> None:
    run_id = _queue_id(context)
    for limit in (0, 1001):
        exchange = context.call("get_run_logs", run_id, query={"logLimit": limit})
        require_status(exchange, f"logLimit={limit}", 400, "CLOUD_CONFIG_INVALID")
    lines = len(_page(context, run_id, None).logs)
    require(lines <= 100, f"a page without logLimit has {lines} lines")


@CASES.case("get_run_logs.limit", "A page has at most logLimit lines")
def _limit(context: CaseContext) -> None:
    run_id = _queue_id(context)
    wait_for_end(context, run_id)
    page = _page(context, run_id, 2)
    require(len(page.logs) <= 2, f"logLimit=2 gave {len(page.logs)} lines")


@CASES.case("get_run_logs.pages", "beforeLogCursor pages backwards through every line once")
def _pages(context: CaseContext) -> None:
    run_id = _queue_id(context)
    wait_for_end(context, run_id)
    expected = Counter(_read(context, run_id, 1000))
    if expected.total() <= PAGE_LINES:
        raise CaseSkippedError(f"the run wrote {expected.total()} lines, too few for two pages")
    paged = Counter(_read(context, run_id, PAGE_LINES))
    missing, surplus = expected - paged, paged - expected
    require(
        not missing and not surplus,
        f"pages of {PAGE_LINES} lines lack {missing.total()} of the run's {expected.total()} "
        f"lines, and have {surplus.total()} too many",
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
