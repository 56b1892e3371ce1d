"""Cases of sessions."""

from __future__ import annotations

import msgspec

from harness.conformance.case import CaseList
from harness.conformance.concurrent_create import create_concurrently
from harness.conformance.context import (
    CaseContext,
    CaseFailedError,
    CaseSkippedError,
    Exchange,
    describe,
    require,
    require_status,
)
from harness.contract.interpretation import Interpretation
from harness.contract.outcomes import Outcome
from harness.workload.payloads import mutate_body

CASES = CaseList()
LAST = CaseList()
"""Cases that use up all capacity; they run after those that need some."""

_CLOSED = frozenset({Outcome.SESSION_CLOSED, Outcome.NOT_FOUND})
_NOT_ADMITTED = frozenset({Outcome.RATE_LIMITED, Outcome.CAPACITY_FULL})


@CASES.case(
    "create_session.answer",
    "POST /sessions answers sessionId, actionWsUrl, cdpWsUrl, actionToken, cdpToken, "
    "cloudSessionUrl and cloudSession",
)
def _create(context: CaseContext) -> None:
    context.open_session()


@CASES.case("create_session.distinct", "Each session has its own id")
def _distinct(context: CaseContext) -> None:
    first, second = context.open_session(), context.open_session()
    require(first.session_id != second.session_id, "two creates got the same sessionId")


@CASES.case(
    "create_session.idempotent",
    "A create repeated with its Idempotency-Key opens no second session",
)
def _idempotent(context: CaseContext) -> None:
    key, body = context.key(), context.session_body()
    first, second = (context.open_session(key=key, body=body) for _ in range(2))
    require(
        first.session_id == second.session_id,
        "a create repeated with its Idempotency-Key opened a second session",
    )


@CASES.case(
    "create_session.at_once", "Concurrent creates with one Idempotency-Key open one session"
)
def _concurrent(context: CaseContext) -> None:
    results = [exchange.interpretation for exchange in _admitted_creates(context)]
    opened = {each.resource_id for each in results if each.outcome is Outcome.OK}
    require(bool(opened), f"no concurrent create succeeded: {describe(results[0])}")
    require(
        len(opened) == 1,
        f"concurrent creates with one Idempotency-Key opened {len(opened)} sessions",
    )


@CASES.case(
    "create_session.without_key",
    "The Idempotency-Key is optional: without one, each create opens a session",
)
def _without_key(context: CaseContext) -> None:
    body = context.session_body()
    first, second = (context.expect_ok("create_session", body=body).resource_id for _ in range(2))
    require(first != second, "two creates without a key got the same sessionId")


@CASES.case("create_session.optional", "name and model are optional")
def _optional(context: CaseContext) -> None:
    fields = msgspec.json.decode(context.session_body())
    for name in ("name", "model"):
        fields.pop(name, None)
    context.open_session(body=msgspec.json.encode(fields))
    fields |= {"localRunId": context.key(), "name": "conform", "model": "gpt-5.1"}
    context.open_session(body=msgspec.json.encode(fields))


@CASES.case("create_session.launch", "launchContext and launchConfig are accepted", source="client")
def _launch(context: CaseContext) -> None:
    fields = msgspec.json.decode(context.session_body())
    fields |= {"launchContext": {}, "launchConfig": {"browser": {}}}
    context.open_session(body=msgspec.json.encode(fields))


@CASES.case(
    "create_session.key_reused", "A used key with another body is refused with 422", source="ours"
)
def _key_reused(context: CaseContext) -> None:
    key, body = context.key(), context.session_body()
    context.open_session(key=key, body=body)
    exchange = context.call("create_session", body=mutate_body(body), key=key)
    require_status(exchange, "a used key with another body", 422)


@CASES.case(
    "create_session.in_flight",
    "A key that is repeated while its first request is in progress is refused with 409",
    source="ours",
)
def _in_flight(context: CaseContext) -> None:
    refused = [
        each for each in _admitted_creates(context) if each.interpretation.outcome is not Outcome.OK
    ]
    if not refused:
        raise CaseSkippedError("the target finished the first create before the next arrived")
    for exchange in refused:
        require_status(exchange, "a key in flight", 409)


def _admitted_creates(context: CaseContext) -> list[Exchange]:
    """Concurrent creates, without those that a limit refused."""
    admitted = [
        each
        for each in create_concurrently(context)
        if each.interpretation.outcome not in _NOT_ADMITTED
    ]
    if not admitted:
        raise CaseSkippedError("no create was admitted: rate limited, or no capacity left")
    return admitted


@CASES.case("get_session.answer", "GET /sessions/:sessionId answers the session")
def _get(context: CaseContext) -> None:
    session_id = context.open_session().session_id
    interpretation = context.expect_ok("get_session", session_id)
    require(interpretation.resource_id == session_id, "the response is about another session")


@CASES.case("delete_session.answer", "DELETE /sessions/:sessionId closes the session")
def _delete(context: CaseContext) -> None:
    context.expect_ok("delete_session", context.open_session().session_id)


@CASES.case("delete_session.closed", "A deleted session is reported as closed or not found")
def _closed(context: CaseContext) -> None:
    session_id = context.open_session().session_id
    context.expect_ok("delete_session", session_id)
    interpretation = context.call("get_session", session_id).interpretation
    is_closed = interpretation.outcome is Outcome.OK and interpretation.state in {
        "closing",
        "closed",
    }
    require(
        is_closed or (interpretation.outcome in _CLOSED and bool(interpretation.code)),
        f"read of a deleted session: got {describe(interpretation)} {interpretation.state}"
        ", not closed, CLOUD_SESSION_CLOSED or CLOUD_SESSION_NOT_FOUND",
    )


@CASES.case(
    "delete_session.again",
    "A session deleted again is CLOUD_SESSION_CLOSED, CLOUD_SESSION_NOT_FOUND or a success",
    source="ours",
)
def _delete_again(context: CaseContext) -> None:
    session_id = context.open_session().session_id
    context.expect_ok("delete_session", session_id)
    interpretation = context.call("delete_session", session_id).interpretation
    require(
        interpretation.outcome is Outcome.OK
        or (interpretation.outcome in _CLOSED and bool(interpretation.code)),
        f"a second delete: got {describe(interpretation)}, not a success, "
        "CLOUD_SESSION_CLOSED or CLOUD_SESSION_NOT_FOUND",
    )


@LAST.case(
    "create_session.capacity_full",
    "With no capacity left a create is CLOUD_CAPACITY_FULL; a deleted session frees capacity",
)
def _full(context: CaseContext) -> None:
    if not context.fill:
        raise CaseSkippedError("opens sessions up to the capacity limit; checked with --fill N")
    opened: list[str] = []
    while (interpretation := _try_create(context)).outcome is not Outcome.CAPACITY_FULL:
        require(
            interpretation.outcome is Outcome.OK,
            f"a create after {len(opened)} sessions: got {describe(interpretation)}, "
            "not CLOUD_CAPACITY_FULL",
        )
        opened.append(interpretation.resource_id)
        if len(opened) >= context.fill:
            raise CaseSkippedError(f"{context.fill} sessions opened without reaching a limit")
    require(not interpretation.violation, f"the refusal is {describe(interpretation)}")
    if not opened:
        raise CaseSkippedError("the target has no capacity for a single session")
    context.expect_ok("delete_session", opened[0])
    try:
        context.wait_until(lambda: _try_create(context).outcome is Outcome.OK, "capacity was freed")
    except CaseSkippedError:
        raise CaseFailedError(
            f"full with {len(opened)} sessions, and still full {context.patience_s:g} s after "
            "one of them was deleted"
        ) from None


def _try_create(context: CaseContext) -> Interpretation:
    exchange = context.call("create_session", body=context.session_body(), key=context.key())
    return exchange.interpretation
