"""
One socket of one session, and the calls made over it.

A call is one request frame and its response. It may be retried over the same socket, by the
same policy as any call, where its method is safe to repeat. When the socket is lost, the call
has ended. The next call first reconnects (a call of its own, ``action.connect``) as long as the
connection has reconnects left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from harness.client.call import CallResult, RetryingCaller
from harness.client.sockets.dialer import Dialer
from harness.client.sockets.pending_call import PendingCall, Result, SocketCall, failure_evidence
from harness.client.transport_failures import FAILURE_INTERPRETATIONS
from harness.clock import unix_ns
from harness.contract.interpretation import Interpretation
from harness.contract.outcomes import Outcome
from harness.contract.sockets import Message, read_upgrade
from harness.units import NS_PER_S
from harness.wire import Response
from harness.wire.transport import ExchangeError
from harness.wire.websocket import WebSocket

POLL_S = 0.5
"""How long a pause reads from its socket before it checks whether the trial is stopping."""


class Endpoint(NamedTuple):
    """How to reach one of a session's sockets: URL and token (a secret) of create_session."""

    session_id: str
    url: str
    token: str

    def __repr__(self) -> str:
        """Leave out the token."""
        return f"Endpoint(session_id={self.session_id!r})"


class SocketConnection:
    """
    One socket of one session; used by one greenlet.

    Attributes:
        reconnects: How many times a lost socket may still be opened again.
        on_event: Called with every message that answers no pending call.
    """

    def __init__(
        self,
        caller: RetryingCaller,
        dialer: Dialer,
        endpoint: Endpoint,
        connect_operation: str,
        read: Callable[[bytes], Message],
        reconnects: int = 0,
    ) -> None:
        self._client = caller
        self._dialer = dialer
        self._endpoint = endpoint
        self._operation = connect_operation
        self._read = read
        self._socket: WebSocket | None = None
        self._number = 0
        self._connected = False
        self.reconnects = reconnects
        self.on_event: Callable[[Message], None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether the socket is open, as far as is known."""
        return self._socket is not None and self._socket.closed is None

    def connect(self, *, probe: str = "", endpoint: Endpoint | None = None) -> CallResult:
        """
        Open the socket: one call, whose attempts are upgrades.

        A ``probe`` names its purpose, may have another endpoint, and is closed immediately.
        """
        target = endpoint or self._endpoint
        self._drop()
        self._connected = True

        def exchange(deadline_ns: int) -> tuple[Response, Interpretation]:
            response, self._socket = self._dialer.dial(target.url, target.token, deadline_ns)
            if response.failure is not None:
                return response, FAILURE_INTERPRETATIONS[response.failure]
            status, body, wait = response.status, response.body, response.retry_after
            return response, read_upgrade(self._operation, status, body, wait)

        describe = (lambda _: f'{{"probe":"{probe}"}}') if probe else None
        result = self._client.perform(
            self._operation, exchange, not probe, "", target.session_id, describe
        )
        if probe:
            self._drop()
        return result

    def ensure_open(self) -> bool:
        """Open the socket if it is not open, within the reconnects left."""
        if self.is_open:
            return True
        if self._connected:
            if self.reconnects < 1 or self._client.context.stopping:
                return False
            self.reconnects -= 1
        return self.connect().ok

    def call(self, call: SocketCall) -> CallResult | None:
        """Make one call; None when there is no socket."""
        if not self.ensure_open():
            return None

        def exchange(deadline_ns: int) -> tuple[Response, Interpretation]:
            pending = self._send(call, deadline_ns)
            return pending.resolve(self._await_response(pending, deadline_ns))

        return self._client.perform(
            call.operation,
            exchange,
            _RetryWhileOpen(self, call.repeatable),
            "",
            self._endpoint.session_id,
            call.describe or failure_evidence,
        )

    def call_all(self, calls: Sequence[SocketCall]) -> list[CallResult]:
        """
        Send several calls, then wait for all responses; [] when there is no socket.

        Each is one attempt. When the socket ends, all pending calls end.
        """
        if not self.ensure_open():
            return []
        call_deadline_ns = unix_ns() + int(self._client.policy.deadline_s * NS_PER_S)
        deadline_ns = self._dialer.read_deadline_ns(call_deadline_ns)
        pending_calls = [self._send(call, deadline_ns) for call in calls]
        results: dict[int, tuple[Response, Interpretation]] = {}
        for pending in pending_calls:
            if pending.number not in results:
                self._await_all(pending_calls, results, pending, deadline_ns)
        return [self._record(pending, results[pending.number]) for pending in pending_calls]

    def pause(self, seconds: float) -> None:
        """Wait and serve the socket; return early when the trial is being stopped."""
        until_ns = unix_ns() + int(seconds * NS_PER_S)
        while (left_ns := until_ns - unix_ns()) > 0 and not self._client.context.stopping:
            left_s = left_ns / NS_PER_S
            socket = self._socket
            if socket is None or socket.closed is not None:
                self._client.context.sleep(left_s)
            else:
                socket.poll(min(left_s, POLL_S))

    def close(self) -> None:
        """Close with a handshake; a second call does nothing."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.abort()
            self._socket = None

    def _send(self, call: SocketCall, deadline_ns: int) -> PendingCall:
        assert self._socket is not None
        self._number += 1
        pending = PendingCall(call, self._number, self._socket, unix_ns())
        try:
            self._socket.send(call.frame(self._number), deadline_ns)
        except ExchangeError as error:
            pending.error = error
        return pending

    def _await_response(self, pending: PendingCall, deadline_ns: int) -> Result:
        """Wait for the response to the only pending call."""
        if pending.error is not None:
            return pending.error
        until_ns = self._dialer.read_deadline_ns(deadline_ns)
        while True:
            result = self._receive(pending.socket, until_ns)
            if not isinstance(result, Message) or result.id == pending.number:
                return result
            outcome = result.interpretation.outcome
            if result.id == 0 and not result.method and outcome is not Outcome.OK:
                return result  # its id is unreadable, and only one call is pending
            if self.on_event is not None:
                self.on_event(result)

    def _await_all(
        self,
        pending_calls: Sequence[PendingCall],
        results: dict[int, tuple[Response, Interpretation]],
        wanted: PendingCall,
        deadline_ns: int,
    ) -> None:
        """Receive responses in any order until the wanted one is among them."""
        by_number = {pending.number: pending for pending in pending_calls}
        while wanted.number not in results:
            result = wanted.error or self._receive(wanted.socket, deadline_ns)
            if not isinstance(result, Message):
                for pending in pending_calls:
                    if pending.number not in results:
                        results[pending.number] = pending.resolve(result)
            elif (answered := by_number.get(result.id)) is not None:
                results.setdefault(result.id, answered.resolve(result))

    def _receive(self, socket: WebSocket, until_ns: int) -> Result:
        try:
            data = socket.receive(until_ns)
        except ExchangeError as error:
            return error
        if data is None:
            assert socket.closed is not None
            return socket.closed
        return self._read(data)

    def _record(self, pending: PendingCall, results: tuple[Response, Interpretation]) -> CallResult:
        caller, call = self._client, pending.call
        caller.intended_ns = caller.intended_ns or results[0].start_ns
        return caller.perform(
            call.operation, lambda _: results, False, "",  # noqa: FBT003  as on the hot path
            self._endpoint.session_id, failure_evidence,
        )  # fmt: skip


class _RetryWhileOpen:
    """True while a call may be retried over its connection."""

    __slots__ = ("_connection", "_repeatable")

    def __init__(self, connection: SocketConnection, repeatable: bool) -> None:  # noqa: FBT001
        self._connection = connection
        self._repeatable = repeatable

    def __bool__(self) -> bool:
        return self._repeatable and self._connection.is_open
