"""
An alarm that rings on time: waits of a greenlet with some 50 µs of accuracy.

libev rounds its timers up to whole milliseconds of epoll, which would make every
start half a millisecond late on average. A Linux timerfd is a file that becomes
readable at the exact nanosecond, and epoll reports that at once. Elsewhere the
alarm is gevent's sleep.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

import gevent
from gevent.hub import get_hub

from harness.clock import unix_ns
from harness.units import NS_PER_S

_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC
_READ = 1


class _TimerSpec(ctypes.Structure):
    """``struct itimerspec``: the interval (none here), then the first expiry."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class Timer:
    """One waiter at a time waits until a Unix time in nanoseconds."""

    def __init__(self) -> None:
        self._fd = -1
        if sys.platform == "linux":
            self._libc: Any = ctypes.CDLL(None, use_errno=True)
            self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._fd >= 0:
            self._hub = get_hub()
            self._watcher = self._hub.loop.io(self._fd, _READ)

    def wait_until(self, when_ns: int) -> None:
        """Return at ``when_ns``, or at once when that is past, or when `ring` is called."""
        wait_ns = when_ns - unix_ns()
        if wait_ns <= 0:
            return
        if self._fd < 0:
            gevent.sleep(wait_ns / NS_PER_S)
            return
        self._set(wait_ns)
        self._hub.wait(self._watcher)
        try:
            os.read(self._fd, 8)
        except BlockingIOError:  # rung early and set anew in between
            return

    def wake(self) -> None:
        """End the wait that is under way, if one is."""
        if self._fd >= 0:
            self._set(1)

    def _set(self, wait_ns: int) -> None:
        spec = _TimerSpec(0, 0, *divmod(wait_ns, NS_PER_S))
        self._libc.timerfd_settime(self._fd, 0, ctypes.byref(spec), None)
