"""
One clock: Unix nanoseconds that never step backwards.

The wall clock is read once, when the module is first imported; afterwards the
monotonic clock is added to it. So durations are right when NTP steps the wall
clock, and times of one process can be compared. Between machines they differ by
whatever the machines' clocks differ.
"""

from __future__ import annotations

import time
from time import monotonic_ns

_OFFSET_NS = time.time_ns() - time.monotonic_ns()


def unix_ns() -> int:
    """Now, in Unix nanoseconds, monotonic within this process."""
    return monotonic_ns() + _OFFSET_NS
