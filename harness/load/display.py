"""
Locust's own display, fed from the harness's records.

One `StatsEntry` a batch and operation is made and merged: that costs a tenth of firing
Locust's request event for each attempt. Where somebody else listens to that event (a
plug-in, a user's own locustfile), it is fired for each attempt all the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from locust.stats import StatsEntry, bucket_response_time

from harness.attempt import Attempt
from harness.units import NS_PER_S

_OWN_LISTENERS = 1
"""Locust's runner itself listens to its request event."""


def display_for(environment: Any) -> Callable[[Sequence[Attempt]], None]:
    """A function that shows a batch of attempts in Locust's statistics."""
    request = environment.events.request

    def show(rows: Sequence[Attempt]) -> None:
        if len(request._handlers) > _OWN_LISTENERS:  # noqa: SLF001  there is no other way to ask
            _fire(request.fire, rows)
        else:
            _merge(environment.stats, rows)

    return show


def _fire(fire: Callable[..., None], rows: Sequence[Attempt]) -> None:
    for row in rows:
        fire(
            request_type=row.phase,
            name=row.operation,
            response_time=row.response_us / 1000,
            response_length=row.bytes_in,
            exception=None if row.outcome == "ok" else row.outcome,
            context={},
        )


def _merge(stats: Any, rows: Sequence[Attempt]) -> None:
    groups: defaultdict[tuple[str, str], list[Attempt]] = defaultdict(list)
    for row in rows:
        groups[row.phase, row.operation].append(row)
    for (phase, operation), members in groups.items():
        delta = _entry(stats, operation, phase, members)
        stats.get(operation, phase).extend(delta)
        stats.total.extend(delta)
        for row in members:
            if row.outcome != "ok":
                stats.log_error(phase, operation, row.outcome)


def _entry(stats: Any, operation: str, phase: str, rows: Sequence[Attempt]) -> Any:
    """The rows as one entry of Locust's statistics; failures are logged one by one."""
    entry = StatsEntry(stats, operation, phase)
    entry.num_requests = len(rows)
    times_ms = [row.response_us / 1000 for row in rows]
    entry.total_response_time = sum(times_ms)
    entry.min_response_time = min(times_ms)
    entry.max_response_time = max(times_ms)
    entry.total_content_length = sum([row.bytes_in for row in rows])
    seconds: defaultdict[int, int] = defaultdict(int)
    buckets: defaultdict[int, int] = defaultdict(int)
    for row in rows:
        seconds[row.end_ns // NS_PER_S] += 1
        buckets[bucket_response_time(row.response_us / 1000)] += 1
    entry.num_reqs_per_sec.update(seconds)
    entry.response_times.update(buckets)
    entry.last_request_timestamp = rows[-1].end_ns / NS_PER_S
    return entry
