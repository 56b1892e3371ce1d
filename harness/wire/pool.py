"""
Connections shared by users: at most so many, however many users there are.

One connection a user is the default, and what a fleet of clients looks like to a target.
A service with a connection pool looks otherwise: its callers wait for each other, before
anything is sent. That wait is no service time of the target, but who was on schedule
feels it: it is in the response time.
"""

from __future__ import annotations

from collections.abc import Callable

import gevent
from gevent.lock import BoundedSemaphore

from harness.clock import unix_ns
from harness.units import NS_PER_S
from harness.wire.transport import Failure, Request, Response, Transport


class Pool:
    """
    At most ``size`` transports, made when they are needed, the last used taken first.

    Args:
        make: Makes one more transport.
        size: How many there may be.
    """

    def __init__(self, make: Callable[[], Transport], size: int) -> None:
        self._make = make
        self._slots = BoundedSemaphore(size)
        self._idle: list[Transport] = []
        self._closed = False

    def exchange(self, request: Request, deadline_ns: int) -> Response:
        """As `Transport.exchange`, on the next connection that is free."""
        start_ns = unix_ns()
        if not self._take(deadline_ns):
            detail = "no connection of the pool was free in time"
            return Response(0, b"", None, None, start_ns, unix_ns(), 0, 0, Failure.DEADLINE, detail)
        try:
            transport = self._idle.pop() if self._idle else self._make()
            try:
                return transport.exchange(request, deadline_ns)
            finally:  # a user who is killed leaves his connection closed, and usable again
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
            if raised is not timeout:  # the caller's own goes through
                raise
            return False
        return True

    def close(self) -> None:
        """Close every connection that is idle, and each other one after its exchange."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()


class PooledTransport:
    """A user's share of a `Pool`: closing it leaves the pool as it is."""

    def __init__(self, pool: Pool) -> None:
        self.exchange = pool.exchange

    def close(self) -> None:
        """Leave; the connections are the pool's."""
