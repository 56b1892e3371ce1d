"""Checks of the CDP socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.conformance.case import CaseFailedError, ConformanceCase
from harness.conformance.context import CaseContext, describe, require
from harness.conformance.socket_client import (
    FRAMES_MAX,
    call,
    open_socket,
    receive,
    response_deadline_ns,
)
from harness.contract.outcomes import Outcome
from harness.contract.sockets import command_frame
from harness.wire.websocket import WebSocket

_ATTACH: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("Target.getTargetInfo", {}),
    ("Page.enable", {}),
    ("Page.getFrameTree", {}),
    ("Page.addScriptToEvaluateOnNewDocument", {"source": "", "worldName": "conform"}),
)
"""Commands of Playwright's attach that must be answered."""


def _cdp(context: CaseContext) -> None:
    with open_socket(context, "cdp", context.open_session()) as socket:
        frame = command_frame(1, "Browser.getVersion", {})
        interpretation = call(socket, "cdp", frame, 1).interpretation
    require(
        interpretation.outcome is Outcome.OK,
        f"Browser.getVersion was answered {describe(interpretation)}",
    )


def _attach(context: CaseContext) -> None:
    """The part of Playwright's attach that cannot do without an answer's content."""
    with open_socket(context, "cdp", context.open_session()) as socket:
        asked = {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": True}
        frame = command_frame(1, "Target.setAutoAttach", asked)
        page = _event(socket, frame, 1, "Target.attachedToTarget")
        session, info = str(page.get("sessionId", "")), page.get("targetInfo", {})
        require(bool(session) and info.get("type") == "page", f"attached to {info.get('type')}")
        for number, (method, params) in enumerate(_ATTACH, 2):
            heard = call(socket, "cdp", command_frame(number, method, params, session), number)
            interpretation = heard.interpretation
            require(
                interpretation.outcome is Outcome.OK,
                f"{method} was answered {describe(interpretation)}",
            )
        frame = command_frame(99, "Runtime.enable", {}, session)
        _event(socket, frame, 99, "Runtime.executionContextCreated")


def _event(socket: WebSocket, frame: bytes, number: int, event: str) -> Mapping[str, Any]:
    """Send a command and wait for the event that it causes; the event's parameters."""
    deadline_ns = response_deadline_ns()
    socket.send(frame, deadline_ns)
    for _ in range(FRAMES_MAX):
        heard = receive(socket, "cdp", deadline_ns, f"no {event}")
        if heard.method == event:
            return heard.params
        refused = heard.id == number and heard.interpretation.outcome is not Outcome.OK
        require(not refused, f"{describe(heard.interpretation)} instead of {event}")
    raise CaseFailedError(f"{FRAMES_MAX} frames came, and no {event}")


CHECKS = (
    ConformanceCase(
        "cdp.answer",
        "The CDP socket opens with its token and speaks the DevTools protocol",
        _cdp,
        source="client",
    ),
    ConformanceCase(
        "cdp.attach",
        "The CDP socket attaches to a page, its frame tree and its worlds, as Playwright needs",
        _attach,
        source="client",
    ),
)
