"""The action socket: a method of the API is a call of operation ``action.<method>``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.client.call import Caller, Result
from harness.client.sockets.connection import Line, Way
from harness.client.sockets.dialer import Dialer
from harness.client.sockets.pending_call import Ask
from harness.contract.sockets import ACTION_CONNECT, METHODS, action_frame, read_action


class Actions:
    """
    The action socket of one session; used by one greenlet.

    Attributes:
        line: The socket.
    """

    def __init__(self, caller: Caller, dialer: Dialer, way: Way, reconnects: int = 0) -> None:
        self._way = way
        self.line = Line(caller, dialer, way, ACTION_CONNECT, read_action, reconnects)

    def connect(self) -> Result:
        """Open the socket."""
        return self.line.connect()

    def act(self, method: str, args: Mapping[str, Any]) -> Result | None:
        """Do one action; None when there is no socket (left) to do it on."""
        return self.line.ask(self._ask(method, args))

    def act_together(self, actions: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Result]:
        """Do several actions at once; [] when there is no socket."""
        return self.line.ask_together([self._ask(*action) for action in actions])

    def _ask(self, method: str, args: Mapping[str, Any]) -> Ask:
        way = self._way

        def frame(number: int) -> bytes:
            return action_frame(number, method, args, way.session_id, way.token)

        return Ask(f"action.{method}", frame, METHODS.get(method, False))
