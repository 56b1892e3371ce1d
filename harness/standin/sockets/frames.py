"""
The action socket's frames: JSON texts, one request or one response each.

A request has an ``id`` that counts from 1 and the session's token. Its response has the same
``id``; responses may arrive in another order than their requests.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import msgspec

METHODS = (
    "goto", "snapshot", "screenshot", "state", "click", "dblclick", "rightclick", "hover",
    "input", "select", "scroll", "tabs", "newTab", "switchTab", "closeTab", "getCookies",
    "setCookie", "clearCookies", "pressKey", "type", "getElementText", "getElementValue",
    "getElementAttributes", "getElementBoundingBox", "getHtml", "getTitle", "uploadFile",
    "exportCookies", "importCookies", "waitForText", "extract", "extractFromPlan",
    "clearCache",
)  # fmt: skip
"""Every method."""

ActionFailureCode = Literal[
    "TARGET_NOT_FOUND", "TARGET_UNAVAILABLE", "TARGET_STALE", "TARGET_AMBIGUOUS",
    "BLOCKED_BY_INTERCEPTOR", "NOT_VISIBLE", "NOT_ENABLED", "NOT_EDITABLE",
    "INVALID_TARGET", "INVALID_OPTIONS", "ACTION_TIMEOUT", "UNKNOWN",
]  # fmt: skip
FAILURES: tuple[str, ...] = get_args(ActionFailureCode)
"""Codes of an ``actionFailure``."""
RETRYABLE = frozenset({"TARGET_UNAVAILABLE", "TARGET_STALE", "ACTION_TIMEOUT"})
"""Failures for which a retry may succeed."""


class ActionRequest(msgspec.Struct, frozen=True):
    """A request for one action."""

    id: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    method: str
    sessionId: str  # noqa: N815  the API's names
    token: str
    args: dict[str, Any] | None = None


class ActionFailure(msgspec.Struct, frozen=True):
    """Why an action failed on the page."""

    code: ActionFailureCode
    message: str
    retryable: bool
    classificationSource: str  # noqa: N815


class ActionDetails(msgspec.Struct, frozen=True):
    """``details`` of an action that failed on the page."""

    actionFailure: ActionFailure  # noqa: N815


class ActionOk(msgspec.Struct, frozen=True):
    """The response of an action that succeeded."""

    id: int
    result: Any
    ok: Literal[True] = True


class ActionError(msgspec.Struct, frozen=True, omit_defaults=True):
    """The response of an action that failed."""

    id: int
    ok: Literal[False]
    error: str
    code: str
    details: Any = None


class _Id(msgspec.Struct):
    id: int = 0


_request = msgspec.json.Decoder(ActionRequest).decode
_id = msgspec.json.Decoder(_Id).decode
encode = msgspec.json.Encoder().encode


def read_request(frame: bytes | str) -> ActionRequest | tuple[int, str]:
    """Read a request; for an invalid frame its id (0 if it has none) and what is wrong."""
    try:
        return _request(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        why = str(error)
    try:
        return _id(frame).id, why
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return 0, why
