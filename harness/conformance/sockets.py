"""Cases of what opens and closes a session's sockets."""

from __future__ import annotations

import time

from harness.conformance.case import CaseList
from harness.conformance.context import (
    CaseContext,
    CaseFailedError,
    CaseSkippedError,
    describe,
    require,
)
from harness.conformance.socket_client import dial, open_socket
from harness.contract.response_models import CreatedSession
from harness.contract.sockets import SocketKind

CASES = CaseList()
_MARGIN_S = 0.1
"""Added to an expiry: the clocks of two machines differ."""


@CASES.case(
    "sockets.tokens",
    "A socket refuses a wrong token, no token, and the token of its sibling or of another "
    "session with 401",
    source="client",
)
def _tokens(context: CaseContext) -> None:
    mine, other = context.open_session(), context.open_session()
    tokens: tuple[tuple[SocketKind, str, str, str], ...] = (
        ("action", mine.action_token, mine.cdp_token, other.action_token),
        ("cdp", mine.cdp_token, mine.action_token, other.cdp_token),
    )
    for kind, right, sibling, foreign in tokens:
        altered = right[:-1] + ("0" if right[-1] != "0" else "1")
        _require_refusal(context, kind, mine, altered, "an altered token")
        _require_refusal(context, kind, mine, "", "no token")
        _require_refusal(context, kind, mine, sibling, "the other socket's token")
        _require_refusal(context, kind, mine, foreign, "another session's token")


@CASES.case("sockets.expired_token", "A socket refuses an expired token with 401", source="client")
def _expired(context: CaseContext) -> None:
    created = context.open_session()
    if created.expires_at is None:
        raise CaseSkippedError("the create_session response has no expiresAt")
    left_s = created.expires_at / 1000 - time.time()
    if left_s > context.patience_s:
        raise CaseSkippedError(f"tokens expire in {left_s:.0f} s, later than --patience")
    time.sleep(max(0.0, left_s) + _MARGIN_S)
    _require_refusal(context, "action", created, created.action_token, "an expired token")
    _require_refusal(context, "cdp", created, created.cdp_token, "an expired token")


def _require_refusal(
    context: CaseContext, kind: SocketKind, created: CreatedSession, token: str, what: str
) -> None:
    status, interpretation, socket = dial(context, kind, created, token)
    if socket is not None:
        socket.close()
    require(
        status == 401,
        f"{kind} socket with {what}: got {status} {describe(interpretation)}, not 401",
    )


@CASES.case(
    "sockets.closed_under_way",
    "The open action socket of a session closes when the session is deleted",
    source="ours",
)
def _closed_while_open(context: CaseContext) -> None:
    created = context.open_session()
    with open_socket(context, "action", created) as socket:
        context.expect_ok("delete_session", created.session_id)
        still_open = socket.poll(context.patience_s)
    require(not still_open, f"still open {context.patience_s:g} s after the session was deleted")


@CASES.case(
    "sockets.closed_session", "The action socket of a deleted session does not open", source="ours"
)
def _closed(context: CaseContext) -> None:
    created = context.open_session()
    context.expect_ok("delete_session", created.session_id)
    _, _, socket = dial(context, "action", created, created.action_token)
    if socket is not None:
        socket.close()
        raise CaseFailedError("the action socket of a deleted session opened")
