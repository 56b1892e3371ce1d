"""The two WebSockets of a session, as cases use them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.client.sockets.dialer import Dialer
from harness.clock import unix_ns
from harness.conformance.context import CaseContext, CaseFailedError, describe
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
"""Most frames to pass over while waiting for a response."""


def response_deadline_ns() -> int:
    """When the response to a request sent now is overdue."""
    return unix_ns() + int(RESPONSE_TIMEOUT_S * NS_PER_S)


def dial(
    context: CaseContext, kind: SocketKind, created: CreatedSession, token: str
) -> tuple[int, Interpretation, WebSocket | None]:
    """
    Open one of a session's sockets; returns the status, its meaning, and the socket.

    Raises:
        CaseFailedError: No complete response arrived.
    """
    action = kind == "action"
    url = created.action_ws_url if action else created.cdp_ws_url
    response, socket = Dialer(context.target).dial(url, token, response_deadline_ns())
    if response.failure is not None:
        why = f"{response.failure} {response.detail}".rstrip()
        raise CaseFailedError(f"{kind} socket: got no response: {why}")
    operation = ACTION_CONNECT if action else CDP_CONNECT
    interpretation = read_upgrade(operation, response.status, response.body, response.retry_after)
    return response.status, interpretation, socket


@contextmanager
def open_socket(
    context: CaseContext, kind: SocketKind, created: CreatedSession
) -> Iterator[WebSocket]:
    """One of a session's sockets, closed on exit."""
    token = created.action_token if kind == "action" else created.cdp_token
    status, interpretation, socket = dial(context, kind, created, token)
    if socket is None:
        raise CaseFailedError(f"{kind} socket: got {status} {describe(interpretation)}")
    try:
        yield socket
    finally:
        socket.close()


def call(socket: WebSocket, kind: SocketKind, frame: bytes, number: int) -> Message:
    """Send one request and return its response; other frames are passed over."""
    deadline_ns = response_deadline_ns()
    try:
        socket.send(frame, deadline_ns)
    except ExchangeError:
        raise CaseFailedError(f"{kind} socket: the frame could not be sent") from None
    for _ in range(FRAMES_MAX):
        message = receive(socket, kind, deadline_ns)
        if message.id == number and not message.method:
            return message
    raise CaseFailedError(f"{kind} socket: no response among {FRAMES_MAX} frames")


def receive(
    socket: WebSocket, kind: SocketKind, deadline_ns: int, otherwise: str = "no response"
) -> Message:
    """The next frame; `otherwise` begins the message of a failure."""
    try:
        data = socket.receive(deadline_ns)
    except ExchangeError:
        raise CaseFailedError(
            f"{kind} socket: {otherwise} within {RESPONSE_TIMEOUT_S:g} s"
        ) from None
    if data is None:
        raise CaseFailedError(f"{kind} socket: {otherwise} before it was closed")
    return read_action_frame(data) if kind == "action" else read_cdp_message(data)
