"""
The action socket: JSON requests and responses.

::

    frame ─ CLOUD_CONFIG_INVALID ─► token ─ CLOUD_AUTH_FAILED ─► session ─ NOT_FOUND ─►
    method ─ CLOUD_UNSUPPORTED_METHOD ─► latency ─► injected failure ─ CODE ─►
    the page ─ CLOUD_ACTION_FAILED ─► result

Requests are handled concurrently, so a response may overtake another. The injected
CLOUD_CONNECTION_LOST closes the socket with 1011.
"""

from __future__ import annotations

import sys
import traceback
from typing import Any, Protocol

from harness.standin.api import Api
from harness.standin.codes import code_name, message_of
from harness.standin.sockets import names
from harness.standin.sockets.channel import LOST, Channel
from harness.standin.sockets.frames import (
    FAILURES,
    RETRYABLE,
    ActionError,
    ActionOk,
    ActionRequest,
    encode,
    read_request,
)
from harness.standin.sockets.page import ActionProblem
from harness.standin.sockets.tokens import is_token

IN_FLIGHT_MAX = 256
"""Most concurrent requests of one socket."""


class Browser(Protocol):
    """What does a session's actions: the synthetic page, or Chromium."""

    async def act(self, method: str, args: dict[str, Any]) -> Any:
        """Do one action; raises `ActionProblem` if it cannot be done."""


class ActionSocket:
    """Serves the frames of one open action socket."""

    def __init__(self, api: Api, channel: Channel, browser: Browser) -> None:
        self._api = api
        self._channel = channel
        self._browser = browser

    async def handle_frame(self, frame: bytes | str) -> None:
        """Read one frame, and answer it in a task of its own."""
        channel = self._channel
        request = read_request(frame)
        if not isinstance(request, ActionRequest):
            number, why = request
            await self._refuse(number, names.UNKNOWN_ACTION, "CLOUD_CONFIG_INVALID", why)
            return
        operation = names.ACTIONS.get(request.method, names.UNKNOWN_ACTION)
        if code := self._find_error(request, operation):
            await self._refuse(request.id, operation, code)
            return
        key = object()
        channel.in_flight[key] = operation
        channel.spawn(self._serve(key, request, operation))

    def _find_error(self, request: ActionRequest, operation: str) -> str:
        config, session = self._api.state.settings.config, self._channel.session
        if not is_token(request.token, config.seed, "action", session.id):
            return "CLOUD_AUTH_FAILED"
        if request.sessionId != session.id:
            return "CLOUD_SESSION_NOT_FOUND"
        if operation == names.UNKNOWN_ACTION:
            return "CLOUD_UNSUPPORTED_METHOD"
        return "CLOUD_RATE_LIMITED" if len(self._channel.in_flight) >= IN_FLIGHT_MAX else ""

    async def _refuse(self, number: int, operation: str, code: str, why: str = "") -> None:
        key = object()
        self._channel.in_flight[key] = operation
        details = [{"path": "$", "message": why}] if why else None
        name, frame = self._error(number, code, details)
        await self._channel.answer(key, name, frame)

    async def _serve(self, key: object, request: ActionRequest, operation: str) -> None:
        api, channel = self._api, self._channel
        await api.simulate_latency(operation)
        code = api.state.settings.draw_failure(operation, api.state.rng.failures)
        if code == "CLOUD_CONNECTION_LOST":
            await channel.close(LOST, code)
            return
        if code == "CLOUD_ACTION_FAILED":
            drawn = api.state.rng.failures.choice(FAILURES)
            name, frame = self._failed(request.id, ActionProblem(drawn, "injected"))
        elif code:
            name, frame = self._error(request.id, code)
        else:
            name, frame = await self._act(request)
        await api.wait_for_stall_end()
        await channel.answer(key, name, frame)

    async def _act(self, request: ActionRequest) -> tuple[str, bytes]:
        try:
            result = await self._browser.act(request.method, request.args or {})
            return "", encode(ActionOk(request.id, result))
        except ActionProblem as problem:
            return self._failed(request.id, problem)
        except Exception:  # noqa: BLE001  the client gets a response in any case
            traceback.print_exc(file=sys.stderr)
            return self._error(request.id, "CLOUD_INTERNAL_ERROR")

    def _failed(self, number: int, problem: ActionProblem) -> tuple[str, bytes]:
        if problem.code.startswith("CLOUD_"):
            return self._error(number, problem.code)
        details = {
            "actionFailure": {
                "code": problem.code,
                "message": problem.message,
                "retryable": problem.code in RETRYABLE,
                "classificationSource": "stand-in",
            }
        }
        return self._error(number, "CLOUD_ACTION_FAILED", details)

    def _error(self, number: int, code: str, details: Any = None) -> tuple[str, bytes]:
        name = code_name(self._api.state.settings.config.vocabulary, code)
        error = ActionError(number, ok=False, error=message_of(code), code=name, details=details)
        return name, encode(error)
