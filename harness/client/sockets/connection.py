"""
One socket of one session, and the calls made over it.

A call is one request frame and its answer. It may be tried again over the same socket,
by the same policy as any call, where its method is safe to repeat; once the socket is
gone there is nothing to try again on: the call has ended, and the next one begins with a
reconnect (a call of its own, ``action.connect``) as long as the line has any left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from harness.client.call import Caller, Result
from harness.client.sockets.dialer import Dialer
from harness.client.sockets.pending_call import Ask, Flight, Landing, evidence_of
from harness.client.transport_failures import FAILED
from harness.clock import unix_ns
from harness.contract.interpretation import Answer
from harness.contract.outcomes import Outcome
from harness.contract.sockets import Heard, read_upgrade
from harness.units import NS_PER_S
from harness.wire import Reply
from harness.wire.transport import ExchangeError
from harness.wire.websocket import WebSocket

ATTEND_S = 0.5
"""How long a line attends to its socket before it looks whether the trial is stopping."""


class Way(NamedTuple):
    """
    How to reach one of a session's sockets.

    Attributes:
        session_id: The session.
        url: As create_session answered it.
        token: Likewise; a secret.
    """

    session_id: str
    url: str
    token: str

    def __repr__(self) -> str:
        """Leave out the token."""
        return f"Way(session_id={self.session_id!r})"


class Line:
    """
    One socket of one session; used by one greenlet.

    Attributes:
        reconnects: How many times a lost socket may still be opened again.
        events: Called with every message that answers nothing that is in flight.
    """

    def __init__(
        self,
        caller: Caller,
        dialer: Dialer,
        way: Way,
        connect_operation: str,
        read: Callable[[bytes], Heard],
        reconnects: int = 0,
    ) -> None:
        self._caller = caller
        self._dialer = dialer
        self._way = way
        self._operation = connect_operation
        self._read = read
        self._socket: WebSocket | None = None
        self._number = 0
        self._connected = False
        self.reconnects = reconnects
        self.events: Callable[[Heard], None] | None = None

    @property
    def up(self) -> bool:
        """Whether the socket is open, as far as is known."""
        return self._socket is not None and self._socket.closed is None

    def connect(self, *, probe: str = "", way: Way | None = None) -> Result:
        """
        Open the socket: one call, whose attempts are upgrades.

        Args:
            probe: What a probe is for; what a probe opens is closed at once.
            way: Another way than the line's own, for a probe.
        """
        where = way or self._way
        self._drop()
        self._connected = True

        def exchange(deadline_ns: int) -> tuple[Reply, Answer]:
            reply, self._socket = self._dialer.dial(where.url, where.token, deadline_ns)
            if reply.failure is not None:
                return reply, FAILED[reply.failure]
            status, body, wait = reply.status, reply.body, reply.retry_after
            return reply, read_upgrade(self._operation, status, body, wait)

        told = f'{{"probe":"{probe}"}}' if probe else ""
        result = self._caller.perform(
            self._operation, exchange, not probe, "", where.session_id, lambda _answer: told
        )
        if probe:
            self._drop()
        return result

    def ready(self) -> bool:
        """Have the socket open, connecting again where that is left."""
        if self.up:
            return True
        if self._connected:
            if self.reconnects < 1 or self._caller.seat.stopping:
                return False
            self.reconnects -= 1
        return self.connect().ok

    def ask(self, ask: Ask) -> Result | None:
        """Make one call; None when there is no socket to make it on."""
        if not self.ready():
            return None

        def exchange(deadline_ns: int) -> tuple[Reply, Answer]:
            flight = self._send(ask, deadline_ns)
            return flight.land(self._await(flight, deadline_ns))

        return self._caller.perform(
            ask.operation,
            exchange,
            _WhileUp(self, ask.repeatable),
            "",
            self._way.session_id,
            ask.describe or evidence_of,
        )

    def ask_together(self, asks: Sequence[Ask]) -> list[Result]:
        """
        Make several calls at once: all are sent, then all answers are awaited.

        Each is one attempt; when the socket ends, it ends all that are in flight.

        Returns:
            A result each, in order; none at all when there is no socket.
        """
        if not self.ready():
            return []
        deadline_ns = self._dialer.read_deadline_ns(
            unix_ns() + int(self._caller.policy.deadline_s * NS_PER_S)
        )
        flights = [self._send(ask, deadline_ns) for ask in asks]
        landed: dict[int, tuple[Reply, Answer]] = {}
        for flight in flights:
            if flight.number not in landed:
                self._await_all(flights, landed, flight, deadline_ns)
        return [self._record(flight, landed[flight.number]) for flight in flights]

    def think(self, seconds: float) -> None:
        """Let time pass and look after the socket; less when the trial is being stopped."""
        until_ns = unix_ns() + int(seconds * NS_PER_S)
        while (left_ns := until_ns - unix_ns()) > 0 and not self._caller.seat.stopping:
            left_s = left_ns / NS_PER_S
            socket = self._socket
            if socket is None or socket.closed is not None:
                self._caller.seat.sleep(left_s)
            else:
                socket.attend(min(left_s, ATTEND_S))

    def close(self) -> None:
        """Say farewell; a second call does nothing."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.drop()
            self._socket = None

    def _send(self, ask: Ask, deadline_ns: int) -> Flight:
        assert self._socket is not None
        self._number += 1
        flight = Flight(ask, self._number, self._socket, unix_ns())
        try:
            self._socket.send(ask.frame(self._number), deadline_ns)
        except ExchangeError as broken:
            flight.broken = broken
        return flight

    def _await(self, flight: Flight, deadline_ns: int) -> Landing:
        """Wait for the answer to the only call in flight."""
        if flight.broken is not None:
            return flight.broken
        until_ns = self._dialer.read_deadline_ns(deadline_ns)
        while True:
            heard = self._hear(flight.socket, until_ns)
            if not isinstance(heard, Heard) or heard.id == flight.number:
                return heard
            if heard.id == 0 and not heard.method and heard.answer.outcome is not Outcome.OK:
                return heard  # garbled beyond its id: whose else could it be?
            if self.events is not None:
                self.events(heard)

    def _await_all(
        self,
        flights: Sequence[Flight],
        landed: dict[int, tuple[Reply, Answer]],
        wanted: Flight,
        deadline_ns: int,
    ) -> None:
        """Take in answers, in whatever order, until the wanted one is among them."""
        by_number = {flight.number: flight for flight in flights}
        while wanted.number not in landed:
            heard = wanted.broken or self._hear(wanted.socket, deadline_ns)
            if not isinstance(heard, Heard):
                for flight in flights:
                    if flight.number not in landed:
                        landed[flight.number] = flight.land(heard)
            elif (flown := by_number.get(heard.id)) is not None:
                landed.setdefault(heard.id, flown.land(heard))

    def _hear(self, socket: WebSocket, until_ns: int) -> Landing:
        try:
            data = socket.receive(until_ns)
        except ExchangeError as broken:
            return broken
        if data is None:
            assert socket.closed is not None
            return socket.closed
        return self._read(data)

    def _record(self, flight: Flight, landed: tuple[Reply, Answer]) -> Result:
        caller, ask = self._caller, flight.ask
        caller.intended_ns = caller.intended_ns or landed[0].start_ns
        return caller.perform(
            ask.operation, lambda _: landed, False, "", self._way.session_id, evidence_of  # noqa: FBT003  as on the hot path
        )  # fmt: skip


class _WhileUp:
    """True while a call may be tried again over its line."""

    __slots__ = ("_line", "_repeatable")

    def __init__(self, line: Line, repeatable: bool) -> None:  # noqa: FBT001  a pair
        self._line = line
        self._repeatable = repeatable

    def __bool__(self) -> bool:
        return self._repeatable and self._line.up
