"""
The recorder: where every attempt lands, at the cost of one list append.

It is called directly by the client, never from an event listener (Locust's
swallow exceptions). A flusher drains it a few times a second and turns the rows
into batches; between two drains the buffer holds what the generator sent in that
time, and `dropped` counts what did not fit, so that a loss is never silent.
"""

from __future__ import annotations

from harness.attempt import Attempt

CAPACITY = 1_000_000
"""Attempts a process may hold undrained: minutes of load, some 500 MB at the very most."""


class Recorder:
    """
    A bounded buffer of attempts, written by one event loop.

    Attributes:
        recorded: Attempts taken in since the start.
        dropped: Attempts refused because nobody drained the buffer.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._rows: list[Attempt] = []
        self._capacity = capacity
        self._drained = 0
        self.dropped = 0

    @property
    def recorded(self) -> int:
        """Attempts taken in since the start."""
        return self._drained + len(self._rows)

    @property
    def pending(self) -> int:
        """Attempts not drained yet."""
        return len(self._rows)

    def record(self, attempt: Attempt) -> None:
        """Take in one attempt."""
        if len(self._rows) < self._capacity:
            self._rows.append(attempt)
        else:
            self.dropped += 1

    def drain(self, limit: int | None = None) -> list[Attempt]:
        """Hand over the oldest attempts, all or `at_most`, and forget them."""
        rows = self._rows[:limit]
        del self._rows[: len(rows)]
        self._drained += len(rows)
        return rows
