"""
A TCP connection whose every wait ends: non-blocking socket, gevent's loop, one timer.

gevent's own socket first tries to receive, fails, and then waits with a new timer: an exception,
a system call and a timer for each response. Here the wait comes first, since a response is
rarely there already. The timer is lazy: it is set to the earliest possible timeout and checks
the actual one when it fires. So a busy connection sets it once per ``read_s``, not per request.

It uses the sockets of ``_socket``, which monkey patching does not replace.
"""

from __future__ import annotations

import _socket
import errno
import os
import select
from typing import Any

from gevent import get_hub, getcurrent
from gevent.monkey import get_original

from harness.clock import unix_ns
from harness.units import NS_PER_S
from harness.wire.transport import ExchangeError, Failure

_READ, _WRITE = 1, 2
_NEVER_NS = 1 << 63
_CHUNK_BYTES = 32 * 1024


class Stream:
    """
    One TCP connection, used by one greenlet at a time, in the hub that made it.

    Attributes:
        deadline_ns: When every wait ends at the latest; set before each exchange.
    """

    __slots__ = (
        "_hub", "_poll", "_read_timeout_ns", "_readable", "_sock", "_timed_out", "_timer",
        "_timer_ns", "_waiting", "_wake_ns", "_writable", "deadline_ns",
    )  # fmt: skip

    def __init__(self, family: int, read_timeout_ns: int, deadline_ns: int) -> None:
        """Make an unconnected socket; raise OSError when none is left."""
        self._sock = _socket.socket(family, _socket.SOCK_STREAM)
        self._sock.setblocking(False)  # noqa: FBT003  positional only
        self._sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        descriptor = self._sock.fileno()
        self._poll = get_original("select", "poll")()
        self._poll.register(descriptor, select.POLLIN)
        self._hub: Any = get_hub()
        self._readable: Any = self._hub.loop.io(descriptor, _READ)
        self._writable: Any = None
        self._timer: Any = None
        self._timer_ns = _NEVER_NS
        self._wake_ns = _NEVER_NS
        self._timed_out = False
        self._waiting: Any = None
        self._read_timeout_ns = read_timeout_ns
        self.deadline_ns = deadline_ns

    def connect(self, address: Any, until_ns: int) -> None:
        """Connect until ``until_ns``; raise ExchangeError at a timeout, OSError at a refusal."""
        status = self._sock.connect_ex(address)
        if status in {errno.EINPROGRESS, errno.EAGAIN}:
            self._wait(self._write_watcher(), until_ns, Failure.CONNECT_TIMEOUT)
            status = self._sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
        if status:
            raise OSError(status, os.strerror(status))

    def send(self, data: bytes) -> int:
        """
        Send all of it, unless the server responds or hangs up first; return the bytes taken.

        Raises ExchangeError, with the bytes ``sent``, if the server took nothing for too long.
        """
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return 0  # what the server sent before it hung up may still be read
        return sent if sent == len(data) else self._send_rest(data, sent)

    def _send_rest(self, data: bytes, sent: int) -> int:
        rest = memoryview(data)[sent:]
        watcher: Any = self._hub.loop.io(self._sock.fileno(), _READ | _WRITE)
        try:
            while rest:
                until_ns = unix_ns() + self._read_timeout_ns
                self._wait(watcher, until_ns, Failure.SEND_TIMEOUT)
                if self.has_unread():
                    break
                try:
                    taken = self._sock.send(rest)
                except BlockingIOError:
                    continue
                except OSError:
                    break
                rest = rest[taken:]
        except ExchangeError as broken:
            broken.sent = len(data) - len(rest)
            raise
        finally:
            watcher.close()
        return len(data) - len(rest)

    def receive(self, until_ns: int = 0, late: Failure = Failure.READ_TIMEOUT) -> bytes:
        """
        Wait for bytes and return what is there; b"" is the end of the connection.

        Raises OSError if it was reset, and ExchangeError with the failure ``late`` if nothing came
        until ``until_ns``; 0 means ``read_s`` from now.
        """
        while True:
            self._wait(self._readable, until_ns or unix_ns() + self._read_timeout_ns, late)
            try:
                return self._sock.recv(_CHUNK_BYTES)
            except BlockingIOError:  # a spurious wake-up
                continue

    def receive_nowait(self) -> bytes:
        """Return what is there without waiting; b"" at the end of the connection too."""
        try:
            return self._sock.recv(_CHUNK_BYTES)
        except OSError:
            return b""

    def has_unread(self) -> bool:
        """Whether there is something to read: unrequested bytes, an end, an error."""
        return bool(self._poll.poll(0))

    def close(self) -> None:
        """Close it; a second call does nothing."""
        for watcher in (self._readable, self._writable, self._timer):
            if watcher is not None:
                watcher.close()
        self._readable = self._writable = self._timer = None
        self._sock.close()

    def _write_watcher(self) -> Any:
        if self._writable is None:
            self._writable = self._hub.loop.io(self._sock.fileno(), _WRITE)
        return self._writable

    def _wait(self, watcher: Any, until_ns: int, late: Failure) -> None:
        if until_ns >= self.deadline_ns:
            until_ns, late = self.deadline_ns, Failure.DEADLINE
        self._wake_ns = until_ns
        if until_ns < self._timer_ns:
            self._set_timer()
        self._waiting = me = getcurrent()
        watcher.start(me.switch)
        try:
            self._hub.switch()
        finally:
            self._waiting = None
            watcher.stop()
        if self._timed_out:
            self._timed_out = False
            raise ExchangeError(late, _TIMEOUT_DETAILS[late])

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.close()
        wait_ns = max(self._wake_ns - unix_ns(), 0)
        self._timer_ns = self._wake_ns
        self._timer = self._hub.loop.timer(wait_ns / NS_PER_S, ref=False)
        self._timer.start(self._on_timer, update=True)

    def _on_timer(self) -> None:
        """Wake a greenlet that has waited too long, in the hub; else set the timer again."""
        self._timer_ns = _NEVER_NS
        waiting = self._waiting
        if waiting is None:
            return
        if unix_ns() < self._wake_ns:
            self._set_timer()
            return
        self._timed_out = True
        self._waiting = None
        waiting.switch()


_TIMEOUT_DETAILS = {
    Failure.CONNECT_TIMEOUT: "not connected in time",
    Failure.SEND_TIMEOUT: "the server took no byte of the request for too long",
    Failure.READ_TIMEOUT: "the server sent no byte of the response for too long",
    Failure.DEADLINE: "the deadline passed",
}
