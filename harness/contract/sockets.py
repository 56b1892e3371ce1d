"""
The two WebSockets as the harness reads them: names, frames, and how they end.

An upgrade is an HTTP answer: 101, or a refusal like any other. An action is one JSON
request and the answer with its ``id``; a DevTools command likewise. A close is an
outcome for everything that was in flight: a reason that is a CLOUD_* code says which;
else 1011 and a connection that just ended are ``connection_lost``, and an orderly close
is ``session_closed``, which is all that the SDK ever makes of a close.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import msgspec
from msgspec.json import Decoder

from harness.contract.error_responses import (
    BROKEN,
    CODE_MAX,
    read_refusal,
    say_broken,
    say_unknown,
)
from harness.contract.interpretation import Answer, told_to_wait
from harness.contract.outcomes import CODES, SDK_CODES, Outcome
from harness.contract.response_models import FrameResult

_T = TypeVar("_T")

ACTION_CONNECT = "action.connect"
CDP_CONNECT = "cdp.connect"

_REPEATABLE = frozenset(
    {
        "goto", "snapshot", "screenshot", "state", "hover", "tabs", "switchTab", "getCookies",
        "getElementText", "getElementValue", "getElementAttributes", "getElementBoundingBox",
        "getHtml", "getTitle", "exportCookies", "waitForText", "extract", "extractFromPlan",
        "clearCache", "clearCookies", "setCookie", "importCookies",
    }
)  # fmt: skip
_ONCE = frozenset(
    {
        "click", "dblclick", "rightclick", "input", "select", "scroll", "newTab", "closeTab",
        "pressKey", "type", "uploadFile",
    }
)  # fmt: skip

METHODS: Mapping[str, bool] = MappingProxyType(
    dict.fromkeys(sorted(_REPEATABLE), True) | dict.fromkeys(sorted(_ONCE), False)
)
"""Method of the action socket → whether doing it twice is like doing it once."""

_NORMAL = frozenset({1000, 1001})
_AUTH = frozenset({1008, 4001, 4401})
_BROKEN = {
    1002: "what came is no WebSocket's",
    1003: "a kind of data that is not taken",
    1007: "a text that is no UTF-8",
    1009: "a message longer than is read",
}
"""RFC 6455, section 7.4.1: closes that tell of a message, not of the server's health."""


class _Frame(msgspec.Struct, gc=False):
    id: int
    ok: bool
    result: Any = None
    error: str = ""
    code: str = ""
    details: Any = None


class _Said(msgspec.Struct, gc=False):
    code: int = 0
    message: str = ""


class _Message(msgspec.Struct, gc=False):
    id: int = 0
    method: str = ""
    result: dict[str, Any] | None = None
    error: _Said | None = None
    params: dict[str, Any] = {}
    sessionId: str = ""  # noqa: N815  the protocol's name


_frame = Decoder(_Frame).decode
_message = Decoder(_Message).decode
_encode = msgspec.json.Encoder().encode
_UNREAD = Answer(Outcome.INVALID_RESPONSE)


class Heard(msgspec.Struct, frozen=True, gc=False):
    """
    One frame from the server.

    Attributes:
        id: Which request it answers; 0 for none.
        answer: What it says.
        method: DevTools only: the event's name; "" for an answer.
        params: DevTools only: the event's parameters.
    """

    id: int
    answer: Answer
    method: str = ""
    params: dict[str, Any] = {}


def action_frame(
    number: int, method: str, args: Mapping[str, Any], session_id: str, token: str
) -> bytes:
    """A request of the action socket."""
    return _encode(
        {"id": number, "method": method, "args": args, "sessionId": session_id, "token": token}
    )


def command_frame(
    number: int, method: str, params: Mapping[str, Any], session: str = ""
) -> bytes:
    """A DevTools command, to the browser or to one of its flattened sessions."""
    command = {"id": number, "method": method, "params": params}
    return _encode(command | {"sessionId": session} if session else command)


def read_action(data: bytes) -> Heard:
    """Read a frame of the action socket; never raises."""
    try:
        frame = _read(_frame, data)
    except BROKEN as error:
        return _broken(data, error)
    if frame.ok:
        return Heard(frame.id, Answer(Outcome.OK, value=FrameResult(frame.result)))
    return Heard(frame.id, _refused(frame))


def _refused(frame: _Frame) -> Answer:
    code, said = frame.code[:CODE_MAX], []
    if not frame.error:
        said.append("the error frame has no `error` message")
    if not code:
        said.append("the error frame has no `code`")
    elif code not in CODES and code not in SDK_CODES:
        said.append(say_unknown(code))
    failure = ""
    if isinstance(frame.details, dict):
        inner = frame.details.get("actionFailure")
        failure = str(inner.get("code", ""))[:CODE_MAX] if isinstance(inner, dict) else ""
    return Answer(
        CODES.get(code, Outcome.SERVER_ERROR),
        code=code,
        state=failure,
        violation="; ".join(said),
    )


def read_message(data: bytes) -> Heard:
    """Read a DevTools message, an answer or an event; never raises."""
    try:
        message = _read(_message, data)
    except BROKEN as error:
        return _broken(data, error)
    if message.method:
        return Heard(0, Answer(Outcome.OK), message.method, message.params)
    if message.error is not None:
        words = message.error.message.split()
        code = next((word for word in words if word in CODES or word in SDK_CODES), "")
        outcome = CODES.get(code, Outcome.ACTION_FAILED)
        return Heard(message.id, Answer(outcome, code=code, state=str(message.error.code)))
    if message.result is None:
        violation = "an answer without `result`"
        return Heard(message.id, msgspec.structs.replace(_UNREAD, violation=violation))
    return Heard(message.id, Answer(Outcome.OK, value=FrameResult(message.result)))


def _read(decode: Callable[[bytes], _T], data: bytes) -> _T:
    """
    Decode a frame; half a character in it is replaced.

    A text of JavaScript's may hold one. JSON can spell it and UTF-8 cannot, and a browser
    tells a page's texts as they are.
    """
    try:
        return decode(data)
    except msgspec.DecodeError as error:
        if isinstance(error, msgspec.ValidationError):
            raise
        try:
            whole = json.dumps(json.loads(data), ensure_ascii=False)
        except (ValueError, RecursionError):
            raise error from None
        return decode(whole.encode(errors="replace"))


def _broken(data: bytes, error: Exception) -> Heard:
    """A frame that breaks the contract, with its id where it has one."""
    try:
        document = msgspec.json.decode(data)
    except BROKEN:
        document = None
    number = document.get("id") if isinstance(document, dict) else 0
    answer = msgspec.structs.replace(_UNREAD, violation=say_broken(data, error))
    return Heard(number if type(number) is int else 0, answer)


def read_upgrade(
    operation: str, status: int, body: bytes, retry_after: str | None = None
) -> Answer:
    """What the answer to an upgrade means; never raises."""
    if status == 101:
        return Answer(Outcome.OK)
    if 200 <= status < 300:
        return Answer(Outcome.INVALID_RESPONSE, violation=f"status {status} to an upgrade")
    outcome, code, said = read_refusal(operation, status, body)
    return told_to_wait(Answer(outcome, code), status, retry_after, said)


def read_close(status: int, reason: str) -> Answer:
    """What a close means for the requests that were in flight."""
    if reason in CODES:
        return Answer(CODES[reason], code=reason)
    if status in _NORMAL:
        return Answer(Outcome.SESSION_CLOSED)
    if status in _AUTH:
        return Answer(Outcome.AUTH_FAILED)
    if status in _BROKEN:
        violation = f"the socket was closed with {status}: {reason or _BROKEN[status]}"
        return Answer(Outcome.INVALID_RESPONSE, violation=violation)
    return Answer(Outcome.CONNECTION_LOST)


ACTION_FAILURES = frozenset(
    {
        "TARGET_NOT_FOUND", "TARGET_UNAVAILABLE", "TARGET_STALE", "TARGET_AMBIGUOUS",
        "BLOCKED_BY_INTERCEPTOR", "NOT_VISIBLE", "NOT_ENABLED", "NOT_EDITABLE",
        "INVALID_TARGET", "INVALID_OPTIONS", "ACTION_TIMEOUT", "UNKNOWN",
    }
)  # fmt: skip
"""Reasons of CLOUD_ACTION_FAILED, in ``details.actionFailure.code``. [client]"""

Kind = Literal["action", "cdp"]
