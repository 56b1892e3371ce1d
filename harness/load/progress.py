"""
Live metrics of a running trial: a line of JSON per second.

They come from the bucket tables that become intervals.parquet, so they agree with the report.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harness.attempt import ReservedPhase
from harness.clock import unix_ns
from harness.load.live_counters import GeneratorHealth, LiveCounters, Series
from harness.trial.histograms import bucket_highest_us
from harness.trial.schema import Event
from harness.units import NS_PER_S

WINDOW_S = 10


class LiveMetrics(msgspec.Struct, frozen=True):
    """
    The metrics of one moment.

    Attributes:
        elapsed_s, planned_s: Time since the load began, and its planned length.
        attempts: Attempts so far, without probes.
        rate_per_s: Attempts per second over the last `WINDOW_S`.
        p50_ms, p99_ms: Response times of ok attempts over the last `WINDOW_S`.
        started_ns: When the load began, Unix ns; 0 before.
        note: The current activity outside the load: "closing 12 sessions".
        series, generators: Details; only with an exporter.
    """

    elapsed_s: float
    planned_s: float
    attempts: int
    rate_per_s: float
    p50_ms: float
    p99_ms: float
    outcomes: dict[str, int]
    started_ns: int = 0
    note: str = ""
    series: list[Series] = []
    generators: list[GeneratorHealth] = []


class Progress:
    """
    Collects bucket tables and writes `LiveMetrics` lines to a pipe.

    ``note`` gives the current activity outside the load. ``on_orphaned`` is called once when the
    reader of the pipe has ended.
    """

    def __init__(self, fd: int | None, planned_ns: int, *, watched: bool = False) -> None:
        if fd is not None:
            os.set_blocking(fd, False)
        self._fd = fd
        self._partial_line = b""
        self._counters = LiveCounters() if watched else None
        self._planned_ns = planned_ns
        self._outcomes: Counter[str] = Counter()
        self._recent: deque[tuple[int, int, np.ndarray, np.ndarray]] = deque()
        self._start_ns = 0
        self.note: Callable[[], str] = str
        self.on_orphaned: Callable[[], object] = str

    def start(self, start_ns: int) -> None:
        """The load begins."""
        self._start_ns = start_ns
        self.write()

    def add(self, buckets: pa.Table) -> None:
        """Add a bucket table (schema `harness.trial.batches.BUCKETS`), without its probes."""
        shown = _equals(buckets["metric"], "response") & ~_equals(
            buckets["phase"], ReservedPhase.PROBE
        )
        outcome = buckets["outcome"].combine_chunks()
        code = outcome.indices.to_numpy()[shown]
        count = buckets["count"].to_numpy()[shown]
        names = outcome.dictionary.to_pylist()
        for name, of in zip(names, np.bincount(code, count, len(names)), strict=True):
            if of:
                self._outcomes[name] += int(of)
        ok = _equals(buckets["outcome"], "ok")[shown]
        bucket = buckets["bucket"].to_numpy()[shown][ok]
        self._drop_old()
        self._recent.append((unix_ns(), int(count.sum()), bucket, count[ok]))
        if self._counters is not None:
            self._counters.add(buckets)

    def event(self, event: Event) -> None:
        """Add a generator's sample."""
        if self._counters is not None:
            self._counters.event(event)

    def snapshot(self) -> LiveMetrics:
        """The metrics now."""
        now_ns = unix_ns()
        self._drop_old()
        elapsed_s = max(0.0, (now_ns - self._start_ns) / NS_PER_S) if self._start_ns else 0.0
        recent = sum(item[1] for item in self._recent)
        p50_ms, p99_ms = self._percentiles()
        return LiveMetrics(
            elapsed_s=round(elapsed_s, 1),
            planned_s=self._planned_ns / NS_PER_S,
            attempts=self._outcomes.total(),
            rate_per_s=round(recent / max(1.0, min(WINDOW_S, elapsed_s)), 1),
            p50_ms=p50_ms,
            p99_ms=p99_ms,
            outcomes=dict(self._outcomes),
            started_ns=self._start_ns,
            note=self.note(),
            series=self._counters.series() if self._counters else [],
            generators=self._counters.generators() if self._counters else [],
        )

    def _drop_old(self) -> None:
        """Forget batches older than the window."""
        oldest_ns = unix_ns() - WINDOW_S * NS_PER_S
        while self._recent and self._recent[0][0] < oldest_ns:
            self._recent.popleft()

    def write(self) -> None:
        """
        Write the metrics if there is a reader.

        The pipe is full when the reader is stopped (Ctrl-Z). Lines are then dropped, so that the
        load never waits; the next line includes their counts.
        """
        if self._fd is None:
            return
        try:
            while self._partial_line:  # the rest of a partly written line
                self._partial_line = self._partial_line[os.write(self._fd, self._partial_line) :]
            line = msgspec.json.encode(self.snapshot()) + b"\n"
            self._partial_line = line[os.write(self._fd, line) :]
        except BlockingIOError:
            return
        except OSError:  # the reader was killed: nothing else would stop this load
            self._fd = None
            self.on_orphaned()

    def _percentiles(self) -> tuple[float, float]:
        if not any(len(item[2]) for item in self._recent):
            return 0.0, 0.0
        bucket = np.concatenate([item[2] for item in self._recent]).astype(np.int64)
        count = np.concatenate([item[3] for item in self._recent])
        order = np.argsort(bucket)
        cumulative = np.cumsum(count[order])
        at = np.searchsorted(cumulative, np.array([0.5, 0.99]) * cumulative[-1])
        p50_us, p99_us = bucket_highest_us(bucket[order][at])
        return float(p50_us) / 1000, float(p99_us) / 1000


def _equals(column: pa.ChunkedArray, name: str) -> NDArray[np.bool_]:
    """Where a column of names has this one."""
    names = column.combine_chunks()
    known: list[str] = names.dictionary.to_pylist()
    code = known.index(name) if name in known else -1
    found: NDArray[np.bool_] = names.indices.to_numpy() == code
    return found
