"""The CDP socket: a DevTools command is a call of operation ``cdp.<Domain.command>``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from harness.client.call import Caller, Result
from harness.client.sockets.connection import Line, Way
from harness.client.sockets.dialer import Dialer
from harness.client.sockets.pending_call import Ask
from harness.clock import unix_ns
from harness.contract.interpretation import Answer
from harness.contract.response_models import FrameResult
from harness.contract.sockets import CDP_CONNECT, command_frame, read_message

_REPEATABLE = frozenset({"Browser.getVersion", "Target.getTargets", "Page.captureScreenshot"})


class Page(NamedTuple):
    """A page and the flattened session attached to it."""

    target: str
    session: str


class DevTools:
    """
    The CDP socket of one session; used by one greenlet.

    Attributes:
        line: The socket.
    """

    def __init__(self, caller: Caller, dialer: Dialer, way: Way) -> None:
        self.line = Line(caller, dialer, way, CDP_CONNECT, read_message)

    def connect(self) -> Result:
        """Open the socket."""
        return self.line.connect()

    def version(self, begun_ns: int) -> dict[str, Any] | None:
        """Ask the browser who it is; the evidence tells how long after ``begun_ns`` it did."""

        def describe(_answer: Answer) -> str:
            return f'{{"ready_us":{(unix_ns() - begun_ns) // 1000}}}'

        return self._ask("Browser.getVersion", "", {}, describe)

    def open_page(self) -> Page | None:
        """Make a page and attach to it; None when that failed."""
        made = self.command("Target.createTarget", url="about:blank")
        target = str(made.get("targetId", "")) if made else ""
        if not target:
            return None
        held = self.command("Target.attachToTarget", targetId=target, flatten=True)
        session = str(held.get("sessionId", "")) if held else ""
        return Page(target, session) if session else None

    def command(self, method: str, session: str = "", **params: Any) -> dict[str, Any] | None:
        """
        Send one command and await its answer.

        Returns:
            The answer's result; None when it was refused, or there was none.
        """
        return self._ask(method, session, params)

    def _ask(
        self,
        method: str,
        session: str,
        params: Mapping[str, Any],
        describe: Callable[[Answer], str] | None = None,
    ) -> dict[str, Any] | None:
        def frame(number: int) -> bytes:
            return command_frame(number, method, params, session)

        ask = Ask(f"cdp.{method}", frame, method in _REPEATABLE, describe)
        result = self.line.ask(ask)
        if result is None or not isinstance(result.answer.value, FrameResult):
            return None
        found: dict[str, Any] = result.answer.value.result
        return found
