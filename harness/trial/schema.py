"""
The tables and documents of a trial directory; `harness.attempt.Attempt` documents its columns.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa

SCHEMA = 1

_NAME = pa.dictionary(pa.int32(), pa.string())  # a target can send any number of codes

ATTEMPTS = pa.schema(
    [
        ("worker", _NAME),
        ("phase", _NAME),
        ("operation", _NAME),
        ("call_id", pa.int64()),
        ("attempt", pa.int16()),
        ("intended_ns", pa.int64()),
        ("start_ns", pa.int64()),
        ("end_ns", pa.int64()),
        ("status", pa.int16()),
        ("code", _NAME),
        ("outcome", _NAME),
        ("service_us", pa.int64()),
        ("response_us", pa.int64()),
        ("retry_after_s", pa.float64()),
        ("idempotency_key", pa.string()),
        ("resource_id", pa.string()),
        ("replayed", pa.int8()),
        ("bytes_out", pa.int32()),
        ("bytes_in", pa.int32()),
        ("disposition", _NAME),
        ("evidence", pa.string()),
        ("violation", pa.string()),
    ]
)

INTERVALS = pa.schema(
    [
        ("second", pa.int64()),  # Unix second in which the attempts ended
        ("phase", _NAME),
        ("operation", _NAME),
        ("outcome", _NAME),
        ("metric", _NAME),  # "service" or "response"
        ("count", pa.int64()),
        ("hdr", pa.binary()),  # HdrHistogram V2, compressed, base64; microseconds
    ]
)

HDR_LOWEST_US = 1
HDR_HIGHEST_US = 3_600_000_000  # one hour; a longer time is recorded as one hour
HDR_DIGITS = 3
HDR_BUCKETS = 23_552  # 1024 · (2 + bit length of highest // 2048)


class PhaseWindow(msgspec.Struct, frozen=True):
    """
    One phase of the load as it took place.

    Attributes:
        start_ns, end_ns: Unix ns; an attempt belongs by its arrival's intended time.
        measured: False for a warm-up: outside percentiles and SLOs.
    """

    name: str
    start_ns: int
    end_ns: int
    measured: bool = True


class WorkerSummary(msgspec.Struct, frozen=True):
    """
    What one generator process reports at its end.

    Attributes:
        state: ``drained`` when all its attempts arrived, ``lost`` when its last batches may be
            missing.
        planned: Arrivals of its share that came due.
        late_starts: Arrivals started more than 10 ms after their intended time.
        late_by_generator: Late starts for which a user was free in time: the generator was slow,
            not the target.
        unstarted_arrivals: Arrivals that came due and did not start.
        cpu_max_fraction: Highest share of one core in any sample.
        loop_lag_p99_ms: 99th percentile of the event loop's lag.
        saturated_s: Seconds in which it was the bottleneck.
        sweep_failed: Sessions it opened and could not close.
        dropped: Attempts that its buffer could not hold.
        load_ended_ns: End of its last call of the load, Unix ns, before cleanup.
    """

    worker: str
    state: str = "drained"
    attempts: int = 0
    planned: int = 0
    late_starts: int = 0
    late_by_generator: int = 0
    unstarted_arrivals: int = 0
    cpu_max_fraction: float = 0.0
    loop_lag_p99_ms: float = 0.0
    saturated_s: int = 0
    sweep_failed: int = 0
    dropped: int = 0
    load_ended_ns: int = 0


class Manifest(msgspec.Struct, frozen=True):
    """
    manifest.json: what was run, on which target, with which versions. It holds no secret.

    Attributes:
        schema: Version of the directory's format.
        trial_id: Unique name of the trial; starts with its UTC stamp.
        host: Base URL of the target.
        model: ``open`` or ``closed``.
        versions: Package name → version.
        started_ns, ended_ns: Unix ns of the load (without cleanup).
        state: ``running``, then ``measured`` or ``interrupted``; of a finished directory
            ``complete`` or ``interrupted``.
        embedded: The target was the embedded stand-in.
    """

    schema: int
    trial_id: str
    scenario: str
    host: str
    model: str
    plan: dict[str, Any]
    seed: int
    versions: dict[str, str]
    workers: list[WorkerSummary]
    phases: list[PhaseWindow]
    started_ns: int
    ended_ns: int
    state: str
    embedded: bool = False


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    One line of events.jsonl.

    Attributes:
        kind: ``phase``, ``fault``, ``webhook``, ``generator``, ``note``.
        worker: The process that reports it; "" for the harness itself.
        data: The rest, by kind; see ``docs/reference/trial.md``.
    """

    time_ns: int
    kind: str
    worker: str = ""
    data: dict[str, Any] = {}


INBOX_LOST = "inbox"
"""``lost`` of a note: the webhook inbox died; later deliveries are unknown."""
