"""
The two WebSockets as the harness reads them: names, frames, and how they end.

The response to an upgrade is an HTTP response: 101, or a refusal like any other. An action is
one JSON request and the response with its ``id``, and so is a DevTools command. A close decides
the outcome of every pending call. A reason that is a CLOUD_* code says which. Without one, 1011
and a lost connection are ``connection_lost``, and an orderly close is ``session_closed``, as in
the SDK.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

import msgspec
from msgspec.json import Decoder

from harness.contract.error_responses import (
    CODE_MAX,
    DECODE_ERRORS,
    describe_decode_error,
    describe_unknown_code,
    read_error_response,
)
from harness.contract.interpretation import Interpretation, with_retry_after
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
_NOT_REPEATABLE = frozenset(
    {
        "click", "dblclick", "rightclick", "input", "select", "scroll", "newTab", "closeTab",
        "pressKey", "type", "uploadFile",
    }
)  # fmt: skip

ACTION_METHODS: Mapping[str, bool] = dict.fromkeys(sorted(_REPEATABLE), True) | dict.fromkeys(
    sorted(_NOT_REPEATABLE), False
)
"""Method of the action socket → whether doing it twice has the effect of doing it once."""

_NORMAL = frozenset({1000, 1001})
_AUTH = frozenset({1008, 4001, 4401})
_PROTOCOL_CLOSES = {
    1002: "a violation of the protocol",
    1003: "an unsupported kind of data",
    1007: "a text that is not UTF-8",
    1009: "a message over the size limit",
}
"""RFC 6455, section 7.4.1: closes for a wrong message, not for the server's health."""


class _ActionFrame(msgspec.Struct, gc=False):
    id: int
    ok: bool
    result: Any = None
    error: str = ""
    code: str = ""
    details: Any = None


class _CdpError(msgspec.Struct, gc=False):
    code: int = 0
    message: str = ""


class _CdpFrame(msgspec.Struct, gc=False):
    id: int = 0
    method: str = ""
    result: dict[str, Any] | None = None
    error: _CdpError | None = None
    params: dict[str, Any] = {}
    sessionId: str = ""  # noqa: N815  the protocol's name


_action_frame = Decoder(_ActionFrame).decode
_cdp_frame = Decoder(_CdpFrame).decode
_encode = msgspec.json.Encoder().encode
_INVALID = Interpretation(Outcome.INVALID_RESPONSE)


class Message(msgspec.Struct, frozen=True, gc=False):
    """
    One frame from the server.

    Attributes:
        id: Which request it answers; 0 for none.
        method: DevTools only: the event's name; "" for a response.
        params: DevTools only: the event's parameters.
    """

    id: int
    interpretation: Interpretation
    method: str = ""
    params: dict[str, Any] = {}


def action_frame(
    number: int, method: str, args: Mapping[str, Any], session_id: str, token: str
) -> bytes:
    """A request of the action socket."""
    return _encode(
        {"id": number, "method": method, "args": args, "sessionId": session_id, "token": token}
    )


def command_frame(number: int, method: str, params: Mapping[str, Any], session: str = "") -> bytes:
    """A DevTools command, to the browser or to one of its flattened sessions."""
    command = {"id": number, "method": method, "params": params}
    return _encode(command | {"sessionId": session} if session else command)


def read_action_frame(data: bytes) -> Message:
    """Read a frame of the action socket; never raises."""
    try:
        frame = _read(_action_frame, data)
    except DECODE_ERRORS as error:
        return _invalid_frame(data, error)
    if frame.ok:
        return Message(frame.id, Interpretation(Outcome.OK, value=FrameResult(frame.result)))
    return Message(frame.id, _interpret_error(frame))


def _interpret_error(frame: _ActionFrame) -> Interpretation:
    code, violations = frame.code[:CODE_MAX], []
    if not frame.error:
        violations.append("the error frame has no `error` message")
    if not code:
        violations.append("the error frame has no `code`")
    elif code not in CODES and code not in SDK_CODES:
        violations.append(describe_unknown_code(code))
    failure = ""
    if isinstance(frame.details, dict):
        inner = frame.details.get("actionFailure")
        failure = str(inner.get("code", ""))[:CODE_MAX] if isinstance(inner, dict) else ""
    outcome = CODES.get(code, Outcome.SERVER_ERROR)
    return Interpretation(outcome, code=code, state=failure, violation="; ".join(violations))


def read_cdp_message(data: bytes) -> Message:
    """Read a DevTools message, a response or an event; never raises."""
    try:
        message = _read(_cdp_frame, data)
    except DECODE_ERRORS as error:
        return _invalid_frame(data, error)
    if message.method:
        return Message(0, Interpretation(Outcome.OK), message.method, message.params)
    if message.error is not None:
        words = message.error.message.split()
        code = next((word for word in words if word in CODES or word in SDK_CODES), "")
        outcome = CODES.get(code, Outcome.ACTION_FAILED)
        return Message(
            message.id, Interpretation(outcome, code=code, state=str(message.error.code))
        )
    if message.result is None:
        violation = "a response without `result`"
        return Message(message.id, msgspec.structs.replace(_INVALID, violation=violation))
    return Message(message.id, Interpretation(Outcome.OK, value=FrameResult(message.result)))


def _read(decode: Callable[[bytes], _T], data: bytes) -> _T:
    """
    Decode a frame; lone surrogates are replaced.

    A JavaScript text may have one. JSON can escape it and UTF-8 cannot encode it, and a browser
    returns a page's texts unchanged.
    """
    try:
        return decode(data)
    except msgspec.DecodeError as error:
        if isinstance(error, msgspec.ValidationError):
            raise
        try:
            text = json.dumps(json.loads(data), ensure_ascii=False)
        except (ValueError, RecursionError):
            raise error from None
        return decode(text.encode(errors="replace"))


def _invalid_frame(data: bytes, error: Exception) -> Message:
    """A frame that breaks the contract, with its id if it has one."""
    try:
        document = msgspec.json.decode(data)
    except DECODE_ERRORS:
        document = None
    number = document.get("id") if isinstance(document, dict) else 0
    interpretation = msgspec.structs.replace(_INVALID, violation=describe_decode_error(data, error))
    return Message(number if type(number) is int else 0, interpretation)


def read_upgrade(
    operation: str, status: int, body: bytes, retry_after: str | None = None
) -> Interpretation:
    """Interpret the response to an upgrade; never raises."""
    if status == 101:
        return Interpretation(Outcome.OK)
    if 200 <= status < 300:
        return Interpretation(Outcome.INVALID_RESPONSE, violation=f"status {status} to an upgrade")
    outcome, code, violations = read_error_response(operation, status, body)
    return with_retry_after(Interpretation(outcome, code), status, retry_after, violations)


def read_close(status: int, reason: str) -> Interpretation:
    """Interpret a close for the pending calls."""
    if reason in CODES:
        return Interpretation(CODES[reason], code=reason)
    if status in _NORMAL:
        return Interpretation(Outcome.SESSION_CLOSED)
    if status in _AUTH:
        return Interpretation(Outcome.AUTH_FAILED)
    if status in _PROTOCOL_CLOSES:
        violation = f"the socket was closed with {status}: {reason or _PROTOCOL_CLOSES[status]}"
        return Interpretation(Outcome.INVALID_RESPONSE, violation=violation)
    return Interpretation(Outcome.CONNECTION_LOST)


ACTION_FAILURES = frozenset(
    {
        "TARGET_NOT_FOUND", "TARGET_UNAVAILABLE", "TARGET_STALE", "TARGET_AMBIGUOUS",
        "BLOCKED_BY_INTERCEPTOR", "NOT_VISIBLE", "NOT_ENABLED", "NOT_EDITABLE",
        "INVALID_TARGET", "INVALID_OPTIONS", "ACTION_TIMEOUT", "UNKNOWN",
    }
)  # fmt: skip
"""Reasons of CLOUD_ACTION_FAILED, in ``details.actionFailure.code``. [client]"""

SocketKind = Literal["action", "cdp"]
