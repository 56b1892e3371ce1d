"""
One clock: Unix nanoseconds that never step backwards.

The wall clock is read once, at import; after that the monotonic clock is added to it. So
durations stay right when NTP steps the wall clock. Between machines, times differ by the
difference of their clocks.
"""

from __future__ import annotations

import time
from time import monotonic_ns

_OFFSET_NS = time.time_ns() - time.monotonic_ns()


def unix_ns() -> int:
    """Now, in Unix nanoseconds, monotonic within this process."""
    return monotonic_ns() + _OFFSET_NS
