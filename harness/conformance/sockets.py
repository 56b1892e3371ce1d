"""Checks of the two WebSockets that come with a session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.clock import unix_ns
from harness.conformance.check import BrokenPromiseError, Check
from harness.conformance.desk import Desk, require, tell
from harness.contract.answers import Answer
from harness.contract.outcomes import Outcome
from harness.contract.shapes import CreatedSession
from harness.contract.sockets import (
    ACTION_CONNECT,
    CDP_CONNECT,
    Heard,
    Kind,
    action_frame,
    command_frame,
    read_action,
    read_message,
    read_upgrade,
)
from harness.sockets.dialer import Dialer
from harness.units import NS_PER_S
from harness.wire.broken import BrokenExchangeError
from harness.wire.websocket import WebSocket

ANSWER_S = 30.0
_FRAMES_MAX = 1000
_UNKNOWN_METHOD = "conformUnknownMethod"


def _deadline_ns() -> int:
    return unix_ns() + int(ANSWER_S * NS_PER_S)


def _dial(
    desk: Desk, kind: Kind, created: CreatedSession, token: str
) -> tuple[int, Answer, WebSocket | None]:
    action = kind == "action"
    url = created.action_ws_url if action else created.cdp_ws_url
    reply, socket = Dialer(desk.target).dial(url, token, _deadline_ns())
    if reply.failure is not None:
        raise BrokenPromiseError(
            f"the {kind} socket got no answer: {reply.failure} {reply.detail}".rstrip()
        )
    operation = ACTION_CONNECT if action else CDP_CONNECT
    return reply.status, read_upgrade(operation, reply.status, reply.body), socket


@contextmanager
def _open(desk: Desk, kind: Kind, created: CreatedSession) -> Iterator[WebSocket]:
    token = created.action_token if kind == "action" else created.cdp_token
    status, answer, socket = _dial(desk, kind, created, token)
    if socket is None:
        raise BrokenPromiseError(f"the {kind} socket answered {status} {tell(answer)}")
    try:
        yield socket
    finally:
        socket.close()


def _hear(socket: WebSocket, kind: Kind, frame: bytes, number: int) -> Heard:
    """Send one request and wait for its answer; what else comes is passed over."""
    read = read_action if kind == "action" else read_message
    deadline_ns = _deadline_ns()
    try:
        socket.send(frame, deadline_ns)
        for _ in range(_FRAMES_MAX):
            data = socket.receive(deadline_ns)
            if data is None:
                raise BrokenPromiseError(f"the {kind} socket was closed without an answer")
            heard = read(data)
            if heard.id == number and not heard.method:
                return heard
    except BrokenExchangeError:
        pass
    raise BrokenPromiseError(f"the {kind} socket gave no answer in {ANSWER_S:g} s")


def _act(desk: Desk, method: str) -> Answer:
    created = desk.open_session()
    frame = action_frame(1, method, {}, created.session_id, created.action_token)
    with _open(desk, "action", created) as socket:
        return _hear(socket, "action", frame, 1).answer


def _action(desk: Desk) -> None:
    answer = _act(desk, "tabs")
    require(
        answer.outcome is Outcome.OK and not answer.violation,
        f"the action tabs was answered {tell(answer)}",
    )


def _unsupported(desk: Desk) -> None:
    answer = _act(desk, _UNKNOWN_METHOD)
    require(
        answer.outcome is Outcome.UNSUPPORTED_METHOD,
        f"a method that is none was answered {tell(answer)}, not CLOUD_UNSUPPORTED_METHOD",
    )


def _cdp(desk: Desk) -> None:
    with _open(desk, "cdp", desk.open_session()) as socket:
        frame = command_frame(1, "Browser.getVersion", {})
        answer = _hear(socket, "cdp", frame, 1).answer
    require(answer.outcome is Outcome.OK, f"Browser.getVersion was answered {tell(answer)}")


def _tokens(desk: Desk) -> None:
    mine, other = desk.open_session(), desk.open_session()
    for kind, right, wrong in (
        ("action", mine.action_token, other.action_token),
        ("cdp", mine.cdp_token, other.cdp_token),
    ):
        altered = right[:-1] + ("0" if right[-1] != "0" else "1")
        for what, token in (("an altered", altered), ("no", ""), ("another session's", wrong)):
            _refuse(desk, "action" if kind == "action" else "cdp", mine, token, what)


def _refuse(desk: Desk, kind: Kind, created: CreatedSession, token: str, what: str) -> None:
    status, answer, socket = _dial(desk, kind, created, token)
    if socket is not None:
        socket.close()
    require(
        status == 401,
        f"the {kind} socket answered {status} {tell(answer)} to {what} token, not 401",
    )


def _closed(desk: Desk) -> None:
    created = desk.open_session()
    desk.good("delete_session", created.session_id)
    _, _, socket = _dial(desk, "action", created, created.action_token)
    if socket is not None:
        socket.close()
        raise BrokenPromiseError("the action socket of a deleted session opened")


CHECKS = (
    Check(
        "action.answer",
        "The action socket opens with its token and answers by id",
        _action,
        source="client",
    ),
    Check(
        "action.unsupported_method",
        "A method that is none is answered CLOUD_UNSUPPORTED_METHOD",
        _unsupported,
    ),
    Check(
        "cdp.answer",
        "The CDP socket opens with its token and speaks the DevTools protocol",
        _cdp,
        source="client",
    ),
    Check(
        "sockets.tokens",
        "A socket refuses a wrong token, none, and another session's with 401 at the upgrade",
        _tokens,
        source="client",
    ),
    Check(
        "sockets.closed_session",
        "The action socket of a deleted session does not open",
        _closed,
        source="ours",
    ),
)
