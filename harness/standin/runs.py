"""
Scraper runs: their course is drawn when they are queued.

::

    queued ── wait ──► running ── duration ──► succeeded | failed | canceled
      line 1             line 2 … line n-1        line n

So a run's status and logs are pure functions of the run and the time.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

Final = Literal["succeeded", "failed", "canceled"]
Status = Literal["queued", "running", "succeeded", "failed", "canceled"]


class Subscription(msgspec.Struct, frozen=True):
    """A run's webhook."""

    url: str
    secret: str
    events: tuple[str, ...]


class Run(msgspec.Struct):
    """One run."""

    id: str
    slug: str
    input: msgspec.Raw  # the input as it was sent
    created_ns: int
    started_ns: int
    finished_ns: int
    final: Final
    lines: int  # log lines it writes in total, at least two
    webhook: Subscription | None = None
    tries: int = 0  # webhook deliveries attempted
    delivered: bool = False  # one of them got a 2xx
    settled: bool = False  # no further delivery is due

    def status_at(self, now_ns: int) -> Status:
        """The run's status."""
        if now_ns >= self.finished_ns:
            return self.final
        return "running" if now_ns >= self.started_ns else "queued"

    def line_ns(self, number: int) -> int:
        """When line ``number`` (from 1) is written."""
        if number == 1:
            return self.created_ns
        if number == self.lines:
            return self.finished_ns
        steps = self.lines - 2
        return self.started_ns + (self.finished_ns - self.started_ns) * (number - 2) // steps

    def lines_at(self, now_ns: int) -> int:
        """The number of lines written."""
        if now_ns >= self.finished_ns:
            return self.lines
        written = 1
        while written < self.lines - 1 and self.line_ns(written + 1) <= now_ns:
            written += 1
        return written


class LogPage(NamedTuple):
    """One page of a run's log, oldest line first."""

    numbers: range  # the lines' numbers, from 1
    next_before: int | None  # cursor of the previous page; None if there is none


def log_page(written: int, limit: int, before: int | None) -> LogPage:
    """The newest ``limit`` of the written lines, or of those before the line ``before``."""
    end = written if before is None else min(written, before - 1)
    start = max(1, end - limit + 1)
    return LogPage(range(start, end + 1), start if start > 1 else None)
