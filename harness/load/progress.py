"""
Live figures: what is known of a running trial, a line of JSON a second.

They come from the same bucket tables that become intervals.parquet, so what is
shown while it runs is what will be reported.
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
    One second's figures.

    Attributes:
        elapsed_s: Since the load began.
        planned_s: Its planned length.
        attempts: Attempts so far, probes left out.
        rate_per_s: Attempts a second over the last seconds.
        p50_ms, p99_ms: Response times of ok attempts over the last seconds.
        outcomes: Outcome → attempts so far.
        started_ns: When the load began, Unix ns; 0 before.
        note: What is going on, where it is not the load: "closing 12 sessions".
        series: Latencies by operation and outcome; only where somebody watches.
        generators: Each generator's last second; only where somebody watches.
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
    Gathers bucket tables and writes `LiveMetrics` lines to a pipe.

    Attributes:
        note: What is going on, where it is not the load.
        on_orphaned: Called once, when whoever read the lines is gone.
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
        """
        Take in one bucket table (schema `harness.trial.batches.BUCKETS`).

        Probes are left out: what they are refused is what they were sent to hear.
        """
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
        """Take in what a generator says of itself."""
        if self._counters is not None:
            self._counters.event(event)

    def snapshot(self) -> LiveMetrics:
        """The figures of this moment."""
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
        """What is older than the window, also where nobody ever asks for figures."""
        oldest_ns = unix_ns() - WINDOW_S * NS_PER_S
        while self._recent and self._recent[0][0] < oldest_ns:
            self._recent.popleft()

    def write(self) -> None:
        """
        Write the figures of this moment, if anybody listens.

        Whoever listens may stand still (Ctrl-Z) and the pipe be full; the load must not wait
        for that. Figures are then left out: the next ones hold them, for they are sums.
        """
        if self._fd is None:
            return
        try:
            while self._partial_line:  # the rest of a line that the pipe took in part
                self._partial_line = self._partial_line[os.write(self._fd, self._partial_line) :]
            line = msgspec.json.encode(self.snapshot()) + b"\n"
            self._partial_line = line[os.write(self._fd, line) :]
        except BlockingIOError:
            return
        except OSError:  # the reader was killed: nobody is left to stop or judge this load
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
