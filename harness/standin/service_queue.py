"""When a request is served: workers in front of an operation, and stalls. Pure arithmetic."""

from __future__ import annotations

import heapq


class ServiceQueue:
    """
    ``c`` workers, first come first served: an M/D/c-like queue of known capacity.

    Each request takes the worker that is free first for its service time. Instants are exact, so
    the throughput is ``c / service time`` however coarse the process's timers are.
    """

    def __init__(self, workers: int) -> None:
        self._free_ns = [0] * workers

    def admit(self, now_ns: int, service_ns: int) -> int:
        """Queue a request that arrives now; returns when it is served."""
        done_ns = max(now_ns, self._free_ns[0]) + service_ns
        heapq.heapreplace(self._free_ns, done_ns)
        return done_ns


class Stall:
    """
    A server that freezes on a schedule, for tests of coordinated omission.

    ::

        start ──────────────▒▒▒▒──────────────▒▒▒▒──
              └── period ──────┘  stall = ▒▒▒▒
    """

    def __init__(self, start_ns: int, period_ns: int, length_ns: int) -> None:
        self._start_ns = start_ns
        self._period_ns = period_ns
        self._length_ns = length_ns

    def end_ns(self, now_ns: int) -> int:
        """When responses are sent again: now, unless it stalls."""
        if self._length_ns == 0:
            return now_ns
        left_ns = self._period_ns - (now_ns - self._start_ns) % self._period_ns
        return now_ns + left_ns if left_ns <= self._length_ns else now_ns
