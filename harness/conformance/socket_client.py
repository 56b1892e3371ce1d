"""The two WebSockets that come with a session, as checks use them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.client.sockets.dialer import Dialer
from harness.clock import unix_ns
from harness.conformance.case import CaseFailedError
from harness.conformance.context import CaseContext, describe
from harness.contract.interpretation import Interpretation
from harness.contract.response_models import CreatedSession
from harness.contract.sockets import (
    ACTION_CONNECT,
    CDP_CONNECT,
    Message,
    SocketKind,
    read_action_frame,
    read_cdp_message,
    read_upgrade,
)
from harness.units import NS_PER_S
from harness.wire.transport import ExchangeError
from harness.wire.websocket import WebSocket

RESPONSE_TIMEOUT_S = 30.0
FRAMES_MAX = 1000
"""Frames that are passed over while an answer is waited for."""


def response_deadline_ns() -> int:
    """When an answer that is asked for now is overdue."""
    return unix_ns() + int(RESPONSE_TIMEOUT_S * NS_PER_S)


def dial(
    context: CaseContext, kind: SocketKind, created: CreatedSession, token: str
) -> tuple[int, Interpretation, WebSocket | None]:
    """
    Ask for one of a session's sockets: the status, what it means, and the socket.

    Raises:
        BrokenPromiseError: No whole answer came.
    """
    action = kind == "action"
    url = created.action_ws_url if action else created.cdp_ws_url
    response, socket = Dialer(context.target).dial(url, token, response_deadline_ns())
    if response.failure is not None:
        raise CaseFailedError(
            f"the {kind} socket got no answer: {response.failure} {response.detail}".rstrip()
        )
    operation = ACTION_CONNECT if action else CDP_CONNECT
    return (
        response.status,
        read_upgrade(operation, response.status, response.body, response.retry_after),
        socket,
    )


@contextmanager
def open_socket(
    context: CaseContext, kind: SocketKind, created: CreatedSession
) -> Iterator[WebSocket]:
    """One of a session's sockets, open until the context ends."""
    token = created.action_token if kind == "action" else created.cdp_token
    status, interpretation, socket = dial(context, kind, created, token)
    if socket is None:
        raise CaseFailedError(f"the {kind} socket answered {status} {describe(interpretation)}")
    try:
        yield socket
    finally:
        socket.close()


def call(socket: WebSocket, kind: SocketKind, frame: bytes, number: int) -> Message:
    """Send one request and wait for its answer; what else comes is passed over."""
    deadline_ns = response_deadline_ns()
    try:
        socket.send(frame, deadline_ns)
    except ExchangeError:
        raise CaseFailedError(f"the {kind} socket takes no frame") from None
    for _ in range(FRAMES_MAX):
        heard = receive(socket, kind, deadline_ns)
        if heard.id == number and not heard.method:
            return heard
    raise CaseFailedError(f"{FRAMES_MAX} frames came, and none is the answer")


def receive(
    socket: WebSocket, kind: SocketKind, deadline_ns: int, otherwise: str = "no answer"
) -> Message:
    """The next frame."""
    try:
        data = socket.receive(deadline_ns)
    except ExchangeError:
        raise CaseFailedError(
            f"{otherwise} on the {kind} socket in {RESPONSE_TIMEOUT_S:g} s"
        ) from None
    if data is None:
        raise CaseFailedError(f"the {kind} socket was closed: {otherwise}")
    return read_action_frame(data) if kind == "action" else read_cdp_message(data)
