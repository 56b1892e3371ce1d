"""Checks of what opens a session's sockets, and what ends them."""

from __future__ import annotations

import time

from harness.conformance.case import BrokenPromiseError, Check, NotSeenError
from harness.conformance.context import Desk, require, tell
from harness.conformance.socket_client import dial, open_socket
from harness.contract.response_models import CreatedSession
from harness.contract.sockets import Kind

_SPARE_S = 0.1
"""Added to an expiry: the clocks of two machines."""


def _tokens(desk: Desk) -> None:
    mine, other = desk.open_session(), desk.open_session()
    tokens: tuple[tuple[Kind, str, str, str], ...] = (
        ("action", mine.action_token, mine.cdp_token, other.action_token),
        ("cdp", mine.cdp_token, mine.action_token, other.cdp_token),
    )
    for kind, right, beside, foreign in tokens:
        altered = right[:-1] + ("0" if right[-1] != "0" else "1")
        _refuse(desk, kind, mine, altered, "an altered")
        _refuse(desk, kind, mine, "", "no")
        _refuse(desk, kind, mine, beside, "the other socket's")
        _refuse(desk, kind, mine, foreign, "another session's")


def _expired(desk: Desk) -> None:
    created = desk.open_session()
    if created.expires_at is None:
        raise NotSeenError("create_session tells no expiresAt")
    left_s = created.expires_at / 1000 - time.time()
    if left_s > desk.patience_s:
        raise NotSeenError(f"tokens are good for {left_s:.0f} s, longer than --patience")
    time.sleep(max(0.0, left_s) + _SPARE_S)
    _refuse(desk, "action", created, created.action_token, "an expired")
    _refuse(desk, "cdp", created, created.cdp_token, "an expired")


def _refuse(desk: Desk, kind: Kind, created: CreatedSession, token: str, what: str) -> None:
    status, answer, socket = dial(desk, kind, created, token)
    if socket is not None:
        socket.close()
    require(
        status == 401,
        f"the {kind} socket answered {status} {tell(answer)} to {what} token, not 401",
    )


def _closed(desk: Desk) -> None:
    created = desk.open_session()
    desk.good("delete_session", created.session_id)
    _, _, socket = dial(desk, "action", created, created.action_token)
    if socket is not None:
        socket.close()
        raise BrokenPromiseError("the action socket of a deleted session opened")


def _closed_under_way(desk: Desk) -> None:
    created = desk.open_session()
    with open_socket(desk, "action", created) as socket:
        desk.good("delete_session", created.session_id)
        still_open = socket.attend(desk.patience_s)
    require(not still_open, f"still open {desk.patience_s:g} s after the session was deleted")


CHECKS = (
    Check(
        "sockets.tokens",
        "A socket refuses a wrong token, none, its sibling's and another session's with 401",
        _tokens,
        source="client",
    ),
    Check(
        "sockets.expired_token",
        "A socket refuses a token whose time is over with 401",
        _expired,
        source="client",
    ),
    Check(
        "sockets.closed_under_way",
        "The open action socket of a session ends when the session is deleted",
        _closed_under_way,
        source="ours",
    ),
    Check(
        "sockets.closed_session",
        "The action socket of a deleted session does not open",
        _closed,
        source="ours",
    ),
)
