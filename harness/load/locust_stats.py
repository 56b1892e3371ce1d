"""
Locust's statistics, for its display only, updated from the harness's records.

Merging one `StatsEntry` per batch and operation costs a tenth of Locust's request event per
attempt. The event is fired only when other code listens to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gevent
import numpy as np
import pyarrow as pa
from locust.stats import StatsEntry, bucket_response_time
from numpy.typing import NDArray

from harness.trial.histograms import IntArray
from harness.units import NS_PER_S

Mask = NDArray[np.bool_]

_OWN_LISTENERS = 1
"""Locust's runner itself listens to its request event."""
TRIM_EVERY_S = 30
KEPT_S = 60
"""Locust's current rates look back 12 s; Locust itself deletes no second."""
HISTORY_MAX = 1440
"""Points of Locust's chart; one comes every 5 s."""


def stats_updater(environment: Any) -> Callable[[pa.Table], None]:
    """A function that adds a table of attempts to Locust's statistics."""
    request = environment.events.request

    def show(attempts: pa.Table) -> None:
        if len(request._handlers) > _OWN_LISTENERS:  # noqa: SLF001  no public way
            _fire(request.fire, attempts)
        else:
            _merge(environment.stats, attempts)

    return show


def trim_periodically(stats: Any) -> None:
    """Bound the memory of Locust's statistics, until killed."""
    while True:
        gevent.sleep(TRIM_EVERY_S)
        trim_stats(stats, int(time.time()))


def trim_stats(stats: Any, now_s: int) -> None:
    """Delete seconds that Locust no longer reads; halve a long history."""
    for entry in (stats.total, *stats.entries.values()):
        for counts in (entry.num_reqs_per_sec, entry.num_fail_per_sec):
            for second in [s for s in counts if s < now_s - KEPT_S]:
                del counts[second]
    if len(stats.history) > HISTORY_MAX:
        del stats.history[1::2]  # the chart still spans the whole load


def _fire(fire: Callable[..., None], attempts: pa.Table) -> None:
    shown = ["phase", "operation", "response_us", "bytes_in", "outcome"]
    for row in attempts.select(shown).to_pylist():
        fire(
            request_type=row["phase"],
            name=row["operation"],
            response_time=row["response_us"] / 1000,
            response_length=row["bytes_in"],
            exception=None if row["outcome"] == "ok" else row["outcome"],
            context={},
        )


def _merge(stats: Any, attempts: pa.Table) -> None:
    phases, operations, outcomes = (
        attempts[name].combine_chunks() for name in ("phase", "operation", "outcome")
    )
    kinds = phases.indices.to_numpy() * len(operations.dictionary) + operations.indices.to_numpy()
    for kind in np.unique(kinds).tolist():
        at_phase, at_operation = divmod(kind, len(operations.dictionary))
        phase = phases.dictionary[at_phase].as_py()
        operation = operations.dictionary[at_operation].as_py()
        members = kinds == kind
        delta = _entry(stats, operation, phase, attempts, members)
        stats.get(operation, phase).extend(delta)
        stats.total.extend(delta)
        for code, count in _counts(outcomes.indices.to_numpy()[members]).items():
            outcome = outcomes.dictionary[code].as_py()
            for _ in range(count if outcome != "ok" else 0):
                stats.log_error(phase, operation, outcome)


def _entry(stats: Any, operation: str, phase: str, attempts: pa.Table, members: Mask) -> Any:
    """The attempts as one entry of Locust's statistics; failures are logged one by one."""
    times_us, size_bytes, end_ns = (
        attempts[name].to_numpy()[members] for name in ("response_us", "bytes_in", "end_ns")
    )
    entry = StatsEntry(stats, operation, phase)
    entry.num_requests = len(times_us)
    entry.total_response_time = int(times_us.sum()) / 1000
    entry.min_response_time = int(times_us.min()) / 1000
    entry.max_response_time = int(times_us.max()) / 1000
    entry.total_content_length = int(size_bytes.sum())
    entry.num_reqs_per_sec.update(_counts(end_ns // NS_PER_S))
    for us, count in _counts(times_us).items():
        bucket = bucket_response_time(us / 1000)
        entry.response_times[bucket] = entry.response_times.get(bucket, 0) + count
    entry.last_request_timestamp = int(end_ns[-1]) / NS_PER_S
    return entry


def _counts(values: IntArray) -> dict[int, int]:
    distinct, counts = np.unique(values, return_counts=True)
    return dict(zip(distinct.tolist(), counts.tolist(), strict=True))
