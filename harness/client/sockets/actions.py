"""The action socket: a method of the API is a call of operation ``action.<method>``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.client.call import CallResult, RetryingCaller
from harness.client.sockets.connection import Endpoint, SocketConnection
from harness.client.sockets.dialer import Dialer
from harness.client.sockets.pending_call import SocketCall
from harness.contract.sockets import ACTION_CONNECT, ACTION_METHODS, action_frame, read_action_frame


class ActionSocket:
    """The action socket of one session; used by one greenlet."""

    def __init__(
        self, caller: RetryingCaller, dialer: Dialer, endpoint: Endpoint, reconnects: int = 0
    ) -> None:
        self._endpoint = endpoint
        self.connection = SocketConnection(
            caller, dialer, endpoint, ACTION_CONNECT, read_action_frame, reconnects
        )

    def connect(self) -> CallResult:
        """Open the socket."""
        return self.connection.connect()

    def perform(self, method: str, args: Mapping[str, Any]) -> CallResult | None:
        """Make one action; None when there is no socket (left)."""
        return self.connection.call(self._make_call(method, args))

    def perform_all(self, actions: Sequence[tuple[str, Mapping[str, Any]]]) -> list[CallResult]:
        """Make several actions concurrently; [] when there is no socket."""
        return self.connection.call_all([self._make_call(*action) for action in actions])

    def _make_call(self, method: str, args: Mapping[str, Any]) -> SocketCall:
        endpoint = self._endpoint

        def frame(number: int) -> bytes:
            return action_frame(number, method, args, endpoint.session_id, endpoint.token)

        return SocketCall(f"action.{method}", frame, ACTION_METHODS.get(method, False))
