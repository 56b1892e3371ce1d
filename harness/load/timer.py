"""
A timer for greenlets with about 50 µs accuracy.

libev rounds timers up to milliseconds of epoll, which makes a start 0.5 ms late on average. A
Linux timerfd becomes readable at the exact nanosecond. Elsewhere the timer is gevent's sleep.
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
    """Lets one waiter at a time wait until a Unix time in nanoseconds."""

    def __init__(self) -> None:
        self._fd = -1
        if sys.platform == "linux":
            self._libc: Any = ctypes.CDLL(None, use_errno=True)
            self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._fd >= 0:
            self._hub = get_hub()
            self._watcher = self._hub.loop.io(self._fd, _READ)

    def wait_until(self, when_ns: int) -> None:
        """Return at ``when_ns``, immediately if that is past, or when `wake` is called."""
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
        except BlockingIOError:  # woken early and set again in between
            return

    def wake(self) -> None:
        """End the current wait."""
        if self._fd >= 0:
            self._set(1)

    def _set(self, wait_ns: int) -> None:
        spec = _TimerSpec(0, 0, *divmod(wait_ns, NS_PER_S))
        self._libc.timerfd_settime(self._fd, 0, ctypes.byref(spec), None)
