"""
The recorder: receives every attempt, at the cost of one list append.

The client calls it directly, never from an event listener (Locust's swallow exceptions). A
flusher drains it several times a second and turns the rows into batches. ``dropped`` counts
what did not fit in between, so that no loss is silent.
"""

from __future__ import annotations

from harness.attempt import Attempt

CAPACITY = 1_000_000
"""Attempts that may wait for a drain: minutes of load, at most about 500 MB."""


class Recorder:
    """A bounded buffer of one event loop's attempts; ``dropped`` counts those without room."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._rows: list[Attempt] = []
        self._capacity = capacity
        self._drained = 0
        self.dropped = 0

    @property
    def recorded(self) -> int:
        """Attempts received since the start."""
        return self._drained + len(self._rows)

    @property
    def pending(self) -> int:
        """Attempts not drained yet."""
        return len(self._rows)

    def record(self, attempt: Attempt) -> None:
        """Add one attempt."""
        if len(self._rows) < self._capacity:
            self._rows.append(attempt)
        else:
            self.dropped += 1

    def drain(self, limit: int | None = None) -> list[Attempt]:
        """Remove and return the oldest attempts: all, or at most ``limit``."""
        rows = self._rows[:limit]
        del self._rows[: len(rows)]
        self._drained += len(rows)
        return rows
