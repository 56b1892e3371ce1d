"""Cases of the CDP socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.conformance.case import CaseList
from harness.conformance.context import (
    CaseContext,
    CaseFailedError,
    describe,
    require,
    require_outcome,
)
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

CASES = CaseList()
_ATTACH_COMMANDS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("Target.getTargetInfo", {}),
    ("Page.enable", {}),
    ("Page.getFrameTree", {}),
    ("Page.addScriptToEvaluateOnNewDocument", {"source": "", "worldName": "conform"}),
)
"""Commands of Playwright's attach that need a response."""


@CASES.case(
    "cdp.answer",
    "The CDP socket opens with its token and speaks the DevTools protocol",
    source="client",
)
def _cdp(context: CaseContext) -> None:
    with open_socket(context, "cdp", context.open_session()) as socket:
        message = call(socket, "cdp", command_frame(1, "Browser.getVersion", {}), 1)
    require_outcome(message.interpretation, "Browser.getVersion")


@CASES.case(
    "cdp.attach",
    "The CDP socket attaches to a page, its frame tree and its worlds, as Playwright needs",
    source="client",
)
def _attach(context: CaseContext) -> None:
    with open_socket(context, "cdp", context.open_session()) as socket:
        params = {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": True}
        frame = command_frame(1, "Target.setAutoAttach", params)
        page = _receive_event(socket, frame, 1, "Target.attachedToTarget")
        session, info = str(page.get("sessionId", "")), page.get("targetInfo", {})
        require(bool(session) and info.get("type") == "page", f"attached to {info.get('type')}")
        for number, (method, arguments) in enumerate(_ATTACH_COMMANDS, 2):
            message = call(socket, "cdp", command_frame(number, method, arguments, session), number)
            require_outcome(message.interpretation, method)
        frame = command_frame(99, "Runtime.enable", {}, session)
        _receive_event(socket, frame, 99, "Runtime.executionContextCreated")


def _receive_event(socket: WebSocket, frame: bytes, number: int, event: str) -> Mapping[str, Any]:
    """Send a command and return the parameters of the event it causes."""
    deadline_ns = response_deadline_ns()
    socket.send(frame, deadline_ns)
    for _ in range(FRAMES_MAX):
        message = receive(socket, "cdp", deadline_ns, f"no {event}")
        if message.method == event:
            return message.params
        refused = message.id == number and message.interpretation.outcome is not Outcome.OK
        require(not refused, f"got {describe(message.interpretation)} instead of {event}")
    raise CaseFailedError(f"no {event} among {FRAMES_MAX} frames")
