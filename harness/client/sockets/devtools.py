"""The CDP socket: a DevTools command is a call of operation ``cdp.<Domain.command>``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from harness.client.call import CallResult, RetryingCaller
from harness.client.sockets.connection import Endpoint, SocketConnection
from harness.client.sockets.dialer import Dialer
from harness.client.sockets.pending_call import SocketCall
from harness.clock import unix_ns
from harness.contract.interpretation import Interpretation
from harness.contract.response_models import FrameResult
from harness.contract.sockets import CDP_CONNECT, command_frame, read_cdp_message

_REPEATABLE = frozenset({"Browser.getVersion", "Target.getTargets", "Page.captureScreenshot"})


class Page(NamedTuple):
    """A page and the flattened session attached to it."""

    target: str
    session: str


class DevTools:
    """The CDP socket of one session; used by one greenlet."""

    def __init__(self, caller: RetryingCaller, dialer: Dialer, endpoint: Endpoint) -> None:
        self.connection = SocketConnection(caller, dialer, endpoint, CDP_CONNECT, read_cdp_message)

    def connect(self) -> CallResult:
        """Open the socket."""
        return self.connection.connect()

    def version(self, begun_ns: int) -> dict[str, Any] | None:
        """Read the browser's version; the evidence has the time since ``begun_ns``."""

        def describe(_: Interpretation) -> str:
            return f'{{"ready_us":{(unix_ns() - begun_ns) // 1000}}}'

        return self._make_call("Browser.getVersion", "", {}, describe)

    def open_page(self) -> Page | None:
        """Make a page and attach to it; None when that failed."""
        made = self.command("Target.createTarget", url="about:blank")
        target = str(made.get("targetId", "")) if made else ""
        if not target:
            return None
        attached = self.command("Target.attachToTarget", targetId=target, flatten=True)
        session = str(attached.get("sessionId", "")) if attached else ""
        return Page(target, session) if session else None

    def command(self, method: str, session: str = "", **params: Any) -> dict[str, Any] | None:
        """Send one command; return its result, None on an error or without a response."""
        return self._make_call(method, session, params)

    def _make_call(
        self,
        method: str,
        session: str,
        params: Mapping[str, Any],
        describe: Callable[[Interpretation], str] | None = None,
    ) -> dict[str, Any] | None:
        def frame(number: int) -> bytes:
            return command_frame(number, method, params, session)

        call = SocketCall(f"cdp.{method}", frame, method in _REPEATABLE, describe)
        result = self.connection.call(call)
        if result is None or not isinstance(result.interpretation.value, FrameResult):
            return None
        found: dict[str, Any] = result.interpretation.value.result
        return found
