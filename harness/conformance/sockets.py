"""Checks of what opens a session's sockets, and what ends them."""

from __future__ import annotations

import time

from harness.conformance.case import CaseFailedError, CaseSkippedError, ConformanceCase
from harness.conformance.context import CaseContext, describe, require
from harness.conformance.socket_client import dial, open_socket
from harness.contract.response_models import CreatedSession
from harness.contract.sockets import SocketKind

_MARGIN_S = 0.1
"""Added to an expiry: the clocks of two machines."""


def _tokens(context: CaseContext) -> None:
    mine, other = context.open_session(), context.open_session()
    tokens: tuple[tuple[SocketKind, str, str, str], ...] = (
        ("action", mine.action_token, mine.cdp_token, other.action_token),
        ("cdp", mine.cdp_token, mine.action_token, other.cdp_token),
    )
    for kind, right, beside, foreign in tokens:
        altered = right[:-1] + ("0" if right[-1] != "0" else "1")
        _require_refusal(context, kind, mine, altered, "an altered")
        _require_refusal(context, kind, mine, "", "no")
        _require_refusal(context, kind, mine, beside, "the other socket's")
        _require_refusal(context, kind, mine, foreign, "another session's")


def _expired(context: CaseContext) -> None:
    created = context.open_session()
    if created.expires_at is None:
        raise CaseSkippedError("create_session tells no expiresAt")
    left_s = created.expires_at / 1000 - time.time()
    if left_s > context.patience_s:
        raise CaseSkippedError(f"tokens are good for {left_s:.0f} s, longer than --patience")
    time.sleep(max(0.0, left_s) + _MARGIN_S)
    _require_refusal(context, "action", created, created.action_token, "an expired")
    _require_refusal(context, "cdp", created, created.cdp_token, "an expired")


def _require_refusal(
    context: CaseContext, kind: SocketKind, created: CreatedSession, token: str, what: str
) -> None:
    status, interpretation, socket = dial(context, kind, created, token)
    if socket is not None:
        socket.close()
    require(
        status == 401,
        f"the {kind} socket answered {status} {describe(interpretation)} to {what} token, not 401",
    )


def _closed(context: CaseContext) -> None:
    created = context.open_session()
    context.expect_ok("delete_session", created.session_id)
    _, _, socket = dial(context, "action", created, created.action_token)
    if socket is not None:
        socket.close()
        raise CaseFailedError("the action socket of a deleted session opened")


def _closed_under_way(context: CaseContext) -> None:
    created = context.open_session()
    with open_socket(context, "action", created) as socket:
        context.expect_ok("delete_session", created.session_id)
        still_open = socket.poll(context.patience_s)
    require(not still_open, f"still open {context.patience_s:g} s after the session was deleted")


CHECKS = (
    ConformanceCase(
        "sockets.tokens",
        "A socket refuses a wrong token, none, its sibling's and another session's with 401",
        _tokens,
        source="client",
    ),
    ConformanceCase(
        "sockets.expired_token",
        "A socket refuses a token whose time is over with 401",
        _expired,
        source="client",
    ),
    ConformanceCase(
        "sockets.closed_under_way",
        "The open action socket of a session ends when the session is deleted",
        _closed_under_way,
        source="ours",
    ),
    ConformanceCase(
        "sockets.closed_session",
        "The action socket of a deleted session does not open",
        _closed,
        source="ours",
    ),
)
