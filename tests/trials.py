"""
Builders of synthetic trial directories, with answers known by arithmetic.

``attempt(…)`` makes one row with plain defaults; ``write_trial(…)`` writes a finished
directory around rows. Times are seconds after `T0`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from harness.attempt import Attempt
from harness.trial.batches import attempts_table, bucket_table, to_ipc
from harness.trial.merge import Merger
from harness.trial.parts import PartWriter
from harness.trial.schema import SCHEMA, Event, Manifest, PhaseWindow, WorkerSummary
from harness.verdicts import Finding, Verdict

T0 = 1_700_000_000
"""Unix second in which every synthetic load starts."""
NS = 1_000_000_000


def attempt(**given: Any) -> Attempt:
    """
    One attempt: a good create_session of 10 ms at the load's start.

    Besides the fields of `Attempt`: ``at_s`` (start, seconds after `T0`), ``service_ms``
    and ``late_ms`` (how long before its start it was intended).
    """
    at_s, service_ms, late_ms = (
        given.pop("at_s", 0.0),
        given.pop("service_ms", 10.0),
        given.pop("late_ms", 0.0),
    )
    start_ns = T0 * NS + round(at_s * NS)
    end_ns = start_ns + round(service_ms * 1e6)
    intended_ns = start_ns - round(late_ms * 1e6)
    plain: dict[str, Any] = {
        "worker": "local",
        "phase": "steady",
        "operation": "create_session",
        "call_id": 1,
        "attempt": 1,
        "intended_ns": intended_ns,
        "start_ns": start_ns,
        "end_ns": end_ns,
        "status": 201,
        "code": "",
        "outcome": "ok",
        "service_us": (end_ns - start_ns) // 1000,
        "response_us": (end_ns - intended_ns) // 1000,
        "retry_after_s": float("nan"),
        "idempotency_key": "",
        "resource_id": "",
        "replayed": -1,
        "bytes_out": 300,
        "bytes_in": 500,
        "disposition": "done",
        "evidence": "",
        "violation": "",
    }
    return Attempt(**{**plain, **given})


def ladder(**given: Any) -> list[Attempt]:
    """1000 good attempts of 1, 2, … 1000 ms service, 100 started a second for 10 s."""
    return [
        attempt(call_id=n, at_s=(n - 1) / 100, service_ms=float(n), **given) for n in range(1, 1001)
    ]


def rate_limited(**given: Any) -> Attempt:
    """One attempt that the limiter refused within 1 ms."""
    refusal = {
        "outcome": "rate_limited",
        "code": "CLOUD_RATE_LIMITED",
        "status": 429,
        "service_ms": 1.0,
        "retry_after_s": 1.0,
    }
    return attempt(**{**refusal, **given})


def finding(verdict: str = "pass", **given: Any) -> Finding:
    """One finding, a passed SLO by default."""
    plain = {
        "name": "create_session.p99<2s",
        "kind": "slo",
        "verdict": Verdict(verdict),
        "detail": "0.99 s of 2 s",
    }
    return Finding(**{**plain, **given})


def manifest(**given: Any) -> Manifest:
    """A manifest of a complete 20 s trial: 5 s warm-up, 15 s steady, one worker."""
    plain: dict[str, Any] = {
        "schema": SCHEMA,
        "trial_id": "20231114T221320Z-session_churn",
        "scenario": "session_churn",
        "host": "http://127.0.0.1:8787",
        "model": "open",
        "plan": {"name": "smoke", "seed": 7, "load": {"model": "open", "users": 20}},
        "seed": 7,
        "versions": {"harness": "0.1.0", "python": "3.11.7", "locust": "2.47.0"},
        "workers": [WorkerSummary("local", attempts=1000, planned=1000, cpu_max_fraction=0.25)],
        "phases": [
            PhaseWindow("warm-up", (T0 - 5) * NS, T0 * NS, measured=False),
            PhaseWindow("steady", T0 * NS, (T0 + 15) * NS),
        ],
        "started_ns": (T0 - 5) * NS,
        "ended_ns": (T0 + 15) * NS,
        "state": "complete",
    }
    return Manifest(**{**plain, **given})


def event(at_s: float, kind: str, worker: str = "local", /, **data: Any) -> Event:
    """One line of events.jsonl."""
    return Event(T0 * NS + round(at_s * NS), kind, worker, data)


def intervals_table(attempts: pa.Table) -> pa.Table:
    """The interval histograms of a table of attempts."""
    merger = Merger()
    merger.add(bucket_table(attempts))
    return merger.intervals()


def running_trial(path, batches=3, rows=4, **of_manifest):
    """A trial as its writer left it: batches of one worker, and a manifest."""
    with PartWriter(path) as writer:
        for batch in range(batches):
            table = attempts_table(
                [attempt(call_id=batch * rows + n, at_s=float(batch)) for n in range(rows)]
            )
            writer.append("local", to_ipc(table), to_ipc(bucket_table(table)))
    given = {"state": "running", "workers": [], **of_manifest}
    (path / "manifest.json").write_bytes(msgspec.json.encode(manifest(**given)))
    return path


def write_trial(
    path: Path,
    rows: Sequence[Attempt],
    *,
    events: Iterable[Event] = (),
    findings: Iterable[Finding] | None = None,
    documents: dict[str, Any] | None = None,
    **of_manifest: Any,
) -> Path:
    """Write a finished trial directory; ``documents`` are further JSON files by name."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "manifest.json").write_bytes(msgspec.json.encode(manifest(**of_manifest)))
    table = attempts_table(rows)
    pq.write_table(table, path / "attempts.parquet")
    pq.write_table(intervals_table(table), path / "intervals.parquet")
    lines = [msgspec.json.encode(line) + b"\n" for line in events]
    (path / "events.jsonl").write_bytes(b"".join(lines))
    if findings is not None:
        (path / "findings.json").write_bytes(msgspec.json.encode(list(findings)))
    for name, document in (documents or {}).items():
        (path / name).write_text(json.dumps(document))
    return path
