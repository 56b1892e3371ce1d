"""Checks of sessions."""

from __future__ import annotations

import msgspec

from harness.conformance.case import BrokenPromiseError, Check, NotSeenError
from harness.conformance.concurrent_create import create_at_once
from harness.conformance.context import Desk, Heard, require, tell
from harness.contract.interpretation import Answer
from harness.contract.outcomes import Outcome
from harness.workload.payloads import altered

_CLOSED = frozenset({Outcome.SESSION_CLOSED, Outcome.NOT_FOUND})
_NO_ROOM = frozenset({Outcome.RATE_LIMITED, Outcome.CAPACITY_FULL})


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


def _create_at_once(desk: Desk) -> None:
    answers = [heard.answer for heard in _let_in(desk)]
    opened = {answer.resource_id for answer in answers if answer.outcome is Outcome.OK}
    require(bool(opened), f"of creates sent at once none succeeded: {tell(answers[0])}")
    require(
        len(opened) == 1,
        f"creates sent at once under one Idempotency-Key opened {len(opened)} sessions",
    )


def _create_in_flight(desk: Desk) -> None:
    refused = [heard for heard in _let_in(desk) if heard.answer.outcome is not Outcome.OK]
    if not refused:
        raise NotSeenError("the target was done with the first before the next one came")
    for reply, answer in refused:
        require(
            reply.status == 409,
            f"a key in flight was answered {reply.status} {tell(answer)}, not 409",
        )


def _let_in(desk: Desk) -> list[Heard]:
    """Creates sent at once, but those that a limit kept out."""
    heard = [each for each in create_at_once(desk) if each.answer.outcome not in _NO_ROOM]
    if not heard:
        raise NotSeenError("none was let in: rate limited, or no capacity left")
    return heard


def _optional(desk: Desk) -> None:
    fields = msgspec.json.decode(desk.session_body())
    for name in ("name", "model"):
        fields.pop(name, None)
    desk.open_session(body=msgspec.json.encode(fields))
    fields |= {"localRunId": desk.key(), "name": "conform", "model": "gpt-5.1"}
    desk.open_session(body=msgspec.json.encode(fields))


def _create_without_key(desk: Desk) -> None:
    body = desk.session_body()
    first, second = (desk.good("create_session", body=body).resource_id for _ in range(2))
    require(first != second, "two creates without a key gave the same sessionId")


def _launch(desk: Desk) -> None:
    fields = msgspec.json.decode(desk.session_body())
    fields |= {"launchContext": {}, "launchConfig": {"browser": {}}}
    desk.open_session(body=msgspec.json.encode(fields))


def _create_key_reused(desk: Desk) -> None:
    key, body = desk.key(), desk.session_body()
    desk.open_session(key=key, body=body)
    reply, answer = desk.ask("create_session", body=altered(body), key=key)
    require(
        reply.status == 422,
        f"a used key with another body was answered {reply.status} {answer.code}",
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


def _delete_again(desk: Desk) -> None:
    session_id = desk.open_session().session_id
    desk.good("delete_session", session_id)
    answer = desk.ask("delete_session", session_id).answer
    require(
        answer.outcome is Outcome.OK or (answer.outcome in _CLOSED and bool(answer.code)),
        f"a session deleted twice is answered {tell(answer)}, "
        "not CLOUD_SESSION_CLOSED, CLOUD_SESSION_NOT_FOUND or as a success",
    )


def _full(desk: Desk) -> None:
    if not desk.fill:
        raise NotSeenError("opens sessions until there is no room; made with --fill N")
    opened: list[str] = []
    while (answer := _try_create(desk)).outcome is not Outcome.CAPACITY_FULL:
        require(
            answer.outcome is Outcome.OK,
            f"after {len(opened)} sessions a create was answered {tell(answer)}, "
            "not CLOUD_CAPACITY_FULL",
        )
        opened.append(answer.resource_id)
        if len(opened) >= desk.fill:
            raise NotSeenError(f"{desk.fill} sessions were opened, and there was still room")
    require(not answer.violation, f"the refusal is {tell(answer)}")
    if not opened:
        raise NotSeenError("there was no room for a single session")
    desk.good("delete_session", opened[0])
    try:
        desk.until(lambda: _try_create(desk).outcome is Outcome.OK, "there was room again")
    except NotSeenError:
        raise BrokenPromiseError(
            f"full with {len(opened)} sessions, and still {desk.patience_s:g} s after one of "
            "them was deleted"
        ) from None


def _try_create(desk: Desk) -> Answer:
    return desk.ask("create_session", body=desk.session_body(), key=desk.key()).answer


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
    Check(
        "create_session.at_once",
        "Creates sent at the same moment under one Idempotency-Key open one session",
        _create_at_once,
    ),
    Check(
        "create_session.without_key",
        "The Idempotency-Key is optional: without one, each create opens a session",
        _create_without_key,
    ),
    Check(
        "create_session.optional",
        "name and model are optional",
        _optional,
    ),
    Check(
        "create_session.launch",
        "launchContext and launchConfig are taken",
        _launch,
        source="client",
    ),
    Check(
        "create_session.key_reused",
        "A key that comes with another body than before is refused with 422",
        _create_key_reused,
        source="ours",
    ),
    Check(
        "create_session.in_flight",
        "A key that comes again while its first request is being handled is refused with 409",
        _create_in_flight,
        source="ours",
    ),
    Check("get_session.answer", "GET /sessions/:sessionId answers the session", _get),
    Check("delete_session.answer", "DELETE /sessions/:sessionId closes the session", _delete),
    Check(
        "delete_session.closed",
        "A session that was deleted is told as closed, or as not there",
        _closed,
    ),
    Check(
        "delete_session.again",
        "A session deleted again is CLOUD_SESSION_CLOSED, CLOUD_SESSION_NOT_FOUND or a success",
        _delete_again,
        source="ours",
    ),
)
LAST = (
    Check(
        "create_session.capacity_full",
        "With no capacity left a create is CLOUD_CAPACITY_FULL; a deleted session makes room",
        _full,
    ),
)
"""What takes up all room comes after what needs some."""
