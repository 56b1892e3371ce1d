"""Checks of sessions."""

from __future__ import annotations

import msgspec

from harness.conformance.case import CaseFailedError, CaseSkippedError, ConformanceCase
from harness.conformance.concurrent_create import create_concurrently
from harness.conformance.context import CaseContext, Exchange, describe, require
from harness.contract.interpretation import Interpretation
from harness.contract.outcomes import Outcome
from harness.workload.payloads import mutate_body

_CLOSED = frozenset({Outcome.SESSION_CLOSED, Outcome.NOT_FOUND})
_NO_ROOM = frozenset({Outcome.RATE_LIMITED, Outcome.CAPACITY_FULL})


def _create(context: CaseContext) -> None:
    context.open_session()


def _session_ids(context: CaseContext) -> None:
    first, second = context.open_session(), context.open_session()
    require(first.session_id != second.session_id, "two creates gave the same sessionId")


def _create_again(context: CaseContext) -> None:
    key, body = context.key(), context.session_body()
    first = context.open_session(key=key, body=body)
    second = context.open_session(key=key, body=body)
    require(
        first.session_id == second.session_id,
        "a create repeated with its Idempotency-Key opened a second session",
    )


def _create_at_once(context: CaseContext) -> None:
    answers = [heard.interpretation for heard in _admitted_creates(context)]
    opened = {
        interpretation.resource_id
        for interpretation in answers
        if interpretation.outcome is Outcome.OK
    }
    require(bool(opened), f"of creates sent at once none succeeded: {describe(answers[0])}")
    require(
        len(opened) == 1,
        f"creates sent at once under one Idempotency-Key opened {len(opened)} sessions",
    )


def _create_in_flight(context: CaseContext) -> None:
    refused = [
        heard
        for heard in _admitted_creates(context)
        if heard.interpretation.outcome is not Outcome.OK
    ]
    if not refused:
        raise CaseSkippedError("the target was done with the first before the next one came")
    for response, interpretation in refused:
        require(
            response.status == 409,
            f"a key in flight was answered {response.status} {describe(interpretation)}, not 409",
        )


def _admitted_creates(context: CaseContext) -> list[Exchange]:
    """Creates sent at once, but those that a limit kept out."""
    heard = [
        each for each in create_concurrently(context) if each.interpretation.outcome not in _NO_ROOM
    ]
    if not heard:
        raise CaseSkippedError("none was let in: rate limited, or no capacity left")
    return heard


def _optional(context: CaseContext) -> None:
    fields = msgspec.json.decode(context.session_body())
    for name in ("name", "model"):
        fields.pop(name, None)
    context.open_session(body=msgspec.json.encode(fields))
    fields |= {"localRunId": context.key(), "name": "conform", "model": "gpt-5.1"}
    context.open_session(body=msgspec.json.encode(fields))


def _create_without_key(context: CaseContext) -> None:
    body = context.session_body()
    first, second = (context.expect_ok("create_session", body=body).resource_id for _ in range(2))
    require(first != second, "two creates without a key gave the same sessionId")


def _launch(context: CaseContext) -> None:
    fields = msgspec.json.decode(context.session_body())
    fields |= {"launchContext": {}, "launchConfig": {"browser": {}}}
    context.open_session(body=msgspec.json.encode(fields))


def _create_key_reused(context: CaseContext) -> None:
    key, body = context.key(), context.session_body()
    context.open_session(key=key, body=body)
    response, interpretation = context.call("create_session", body=mutate_body(body), key=key)
    require(
        response.status == 422,
        f"a used key with another body was answered {response.status} {interpretation.code}",
    )


def _get(context: CaseContext) -> None:
    created = context.open_session()
    interpretation = context.expect_ok("get_session", created.session_id)
    require(
        interpretation.resource_id == created.session_id, "the answer speaks of another session"
    )


def _delete(context: CaseContext) -> None:
    context.expect_ok("delete_session", context.open_session().session_id)


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


def _delete_again(context: CaseContext) -> None:
    session_id = context.open_session().session_id
    context.expect_ok("delete_session", session_id)
    interpretation = context.call("delete_session", session_id).interpretation
    require(
        interpretation.outcome is Outcome.OK
        or (interpretation.outcome in _CLOSED and bool(interpretation.code)),
        f"a session deleted twice is answered {describe(interpretation)}, "
        "not CLOUD_SESSION_CLOSED, CLOUD_SESSION_NOT_FOUND or as a success",
    )


def _full(context: CaseContext) -> None:
    if not context.fill:
        raise CaseSkippedError("opens sessions until there is no room; made with --fill N")
    opened: list[str] = []
    while (interpretation := _try_create(context)).outcome is not Outcome.CAPACITY_FULL:
        require(
            interpretation.outcome is Outcome.OK,
            f"after {len(opened)} sessions a create was answered {describe(interpretation)}, "
            "not CLOUD_CAPACITY_FULL",
        )
        opened.append(interpretation.resource_id)
        if len(opened) >= context.fill:
            raise CaseSkippedError(f"{context.fill} sessions were opened, and there was still room")
    require(not interpretation.violation, f"the refusal is {describe(interpretation)}")
    if not opened:
        raise CaseSkippedError("there was no room for a single session")
    context.expect_ok("delete_session", opened[0])
    try:
        context.wait_until(
            lambda: _try_create(context).outcome is Outcome.OK, "there was room again"
        )
    except CaseSkippedError:
        raise CaseFailedError(
            f"full with {len(opened)} sessions, and still {context.patience_s:g} s after "
            "one of "
            "them was deleted"
        ) from None


def _try_create(context: CaseContext) -> Interpretation:
    return context.call(
        "create_session", body=context.session_body(), key=context.key()
    ).interpretation


CHECKS = (
    ConformanceCase(
        "create_session.answer",
        "POST /sessions answers sessionId, actionWsUrl, cdpWsUrl, actionToken, cdpToken, "
        "cloudSessionUrl and cloudSession",
        _create,
    ),
    ConformanceCase("create_session.distinct", "Each session has an id of its own", _session_ids),
    ConformanceCase(
        "create_session.idempotent",
        "A create repeated with its Idempotency-Key opens no second session",
        _create_again,
    ),
    ConformanceCase(
        "create_session.at_once",
        "Creates sent at the same moment under one Idempotency-Key open one session",
        _create_at_once,
    ),
    ConformanceCase(
        "create_session.without_key",
        "The Idempotency-Key is optional: without one, each create opens a session",
        _create_without_key,
    ),
    ConformanceCase(
        "create_session.optional",
        "name and model are optional",
        _optional,
    ),
    ConformanceCase(
        "create_session.launch",
        "launchContext and launchConfig are taken",
        _launch,
        source="client",
    ),
    ConformanceCase(
        "create_session.key_reused",
        "A key that comes with another body than before is refused with 422",
        _create_key_reused,
        source="ours",
    ),
    ConformanceCase(
        "create_session.in_flight",
        "A key that comes again while its first request is being handled is refused with 409",
        _create_in_flight,
        source="ours",
    ),
    ConformanceCase("get_session.answer", "GET /sessions/:sessionId answers the session", _get),
    ConformanceCase(
        "delete_session.answer", "DELETE /sessions/:sessionId closes the session", _delete
    ),
    ConformanceCase(
        "delete_session.closed",
        "A session that was deleted is told as closed, or as not there",
        _closed,
    ),
    ConformanceCase(
        "delete_session.again",
        "A session deleted again is CLOUD_SESSION_CLOSED, CLOUD_SESSION_NOT_FOUND or a success",
        _delete_again,
        source="ours",
    ),
)
LAST = (
    ConformanceCase(
        "create_session.capacity_full",
        "With no capacity left a create is CLOUD_CAPACITY_FULL; a deleted session makes room",
        _full,
    ),
)
"""What takes up all room comes after what needs some."""
