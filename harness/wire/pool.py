"""
Connections shared by users: at most N, however many users there are.

One connection per user is the default, as for a fleet of clients. The callers of a service with
a connection pool instead wait for each other before anything is sent. That wait is not part of
the target's service time, but it is part of the response time.
"""

from __future__ import annotations

from collections.abc import Callable

import gevent
from gevent.lock import BoundedSemaphore

from harness.clock import unix_ns
from harness.units import NS_PER_S
from harness.wire.transport import Failure, Request, Response, Transport


class Pool:
    """At most ``size`` transports, made when needed; the last used is taken first."""

    def __init__(self, make: Callable[[], Transport], size: int) -> None:
        self._make = make
        self._slots = BoundedSemaphore(size)
        self._idle: list[Transport] = []
        self._closed = False

    def exchange(self, request: Request, deadline_ns: int) -> Response:
        """As `Transport.exchange`, on the next free connection."""
        start_ns = unix_ns()
        if not self._take(deadline_ns):
            detail = "no connection of the pool was free in time"
            return Response(0, b"", None, None, start_ns, unix_ns(), 0, 0, Failure.DEADLINE, detail)
        try:
            transport = self._idle.pop() if self._idle else self._make()
            try:
                return transport.exchange(request, deadline_ns)
            finally:  # the connection of a killed user is closed, and usable again
                if self._closed:
                    transport.close()
                else:
                    self._idle.append(transport)
        finally:
            self._slots.release()

    def _take(self, deadline_ns: int) -> bool:
        wait_s = max(0.0, (deadline_ns - unix_ns()) / NS_PER_S)
        timeout = gevent.Timeout(wait_s)
        try:
            with timeout:
                self._slots.acquire()
        except gevent.Timeout as raised:
            if raised is not timeout:  # the caller's own
                raise
            return False
        return True

    def close(self) -> None:
        """Close every idle connection, and each other one after its exchange."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()


class PooledTransport:
    """A user's share of a `Pool`; closing it does not close the pool."""

    def __init__(self, pool: Pool) -> None:
        self.exchange = pool.exchange

    def close(self) -> None:
        """Leave; the pool keeps the connections."""
