"""
The generator monitors itself: CPU, event-loop lag, late starts.

A 20 ms heartbeat measures the event loop's lag, which delays every user of the process. Process
CPU alone misses processes that share a core (each sees 33 %); the lag does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gevent
import numpy as np

from harness.clock import unix_ns
from harness.load.scheduler import Scheduler
from harness.trial.histograms import IntArray, bucket_highest_us, bucket_indices
from harness.trial.schema import HDR_HIGHEST_US, Event
from harness.units import NS_PER_MS, NS_PER_S, NS_PER_US

HEARTBEAT_S = 0.02
CPU_SATURATED = 0.9
"""Share of one core above which a single-threaded process has no reserve."""
LAG_SATURATED_MS = 100.0
"""A lag that shifts the tail latencies of its second."""


class SelfMonitor:
    """
    Samples of one generator process, one per second.

    ``cpu_max_fraction`` is the highest share of one core in any second; in ``saturated_s`` of them
    the generator was the bottleneck.
    """

    def __init__(self, scheduler: Scheduler, worker: str, emit: Callable[[Event], None]) -> None:
        self.cpu_max_fraction = 0.0
        self.saturated_s = 0
        self._scheduler = scheduler
        self._worker = worker
        self._emit = emit
        self._lags_ns: list[int] = []
        highest = int(bucket_indices(np.array(HDR_HIGHEST_US)))
        self._lag_counts: IntArray = np.zeros(highest + 1, np.int64)
        self._greenlet: Any = None

    def start(self) -> None:
        """Start sampling."""
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """Stop sampling."""
        if self._greenlet is not None:
            self._greenlet.kill()

    @property
    def loop_lag_p99_ms(self) -> float:
        """99th percentile (nearest rank, three digits) of the loop's lag over all beats."""
        upto = np.cumsum(self._lag_counts)
        if not upto[-1]:
            return 0.0
        rank = (99 * int(upto[-1]) + 99) // 100
        highest_us = int(bucket_highest_us(np.searchsorted(upto, [rank]))[0])
        return highest_us * NS_PER_US / NS_PER_MS

    def _run(self) -> None:
        cpu_s, since_ns, late = time.process_time(), unix_ns(), self._scheduler.late
        while True:
            due_ns = unix_ns() + int(HEARTBEAT_S * NS_PER_S)
            gevent.sleep(HEARTBEAT_S)
            now_ns = unix_ns()
            self._lags_ns.append(max(0, now_ns - due_ns))
            if now_ns - since_ns < NS_PER_S:
                continue
            cpu_now_s = time.process_time()
            fraction = (cpu_now_s - cpu_s) * NS_PER_S / (now_ns - since_ns)
            self._sample(now_ns, fraction, self._scheduler.late - late)
            cpu_s, since_ns, late = cpu_now_s, now_ns, self._scheduler.late

    def _sample(self, now_ns: int, cpu_fraction: float, late: int) -> None:
        lag_ms = max(self._lags_ns) / NS_PER_MS
        places = bucket_indices(np.array(self._lags_ns) // NS_PER_US)
        np.add.at(self._lag_counts, places, 1)
        self._lags_ns = []
        self.cpu_max_fraction = max(self.cpu_max_fraction, cpu_fraction)
        if cpu_fraction >= CPU_SATURATED or lag_ms >= LAG_SATURATED_MS:
            self.saturated_s += 1
        data = {
            "cpu_fraction": round(cpu_fraction, 4),
            "loop_lag_ms": round(lag_ms, 3),
            "late_starts": late,
            "in_flight": self._scheduler.in_flight,
        }
        self._emit(Event(now_ns, "generator", self._worker, data))
