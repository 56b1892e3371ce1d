"""
A long trial made in a minute: parts of a directory as a generator leaves them.

The attempts go through the harness's own batches, in batches as long as a generator's,
so that finishing, checking and reporting meet what a real trial gives them: keys, ids
and evidence that differ from row to row, refusals that are retried, a warm-up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec

from harness.load.generator import BATCH_ROWS
from harness.trial.batches import attempts_table, bucket_table, to_ipc
from harness.trial.parts import PartWriter
from harness.trial.schema import PhaseWindow, WorkerSummary
from tests.trials import NS, T0, event, manifest

ROUNDS_PER_S = 4_000
"""Arrivals a second: some 10,000 attempts."""
_ROUNDS_PER_BLOCK = 8_000
_MS = 1_000_000
_REFUSED = 0.01

Row = tuple[object, ...]


class History:
    """Rounds of the mixed scenario, one after the other, always the same for a seed."""

    def __init__(self, seed: int = 7) -> None:
        self._chance = Random(seed)
        self._call = 0

    def blocks(self) -> Iterator[list[Row]]:
        """Attempts in the order of their ends, about 20,000 at a time, for ever."""
        number = 0
        while True:
            rows: list[Row] = []
            for _ in range(_ROUNDS_PER_BLOCK):
                self._round(number, rows)
                number += 1
            rows.sort(key=_end_ns)
            yield rows

    def _round(self, number: int, rows: list[Row]) -> None:
        at_ns = T0 * NS + number * (NS // ROUNDS_PER_S)
        phase = "warm-up" if number < 10 * ROUNDS_PER_S else "steady"
        kind = number % 6
        if kind < 3:
            self._churn(number, phase, at_ns, rows)
        elif kind < 5:
            self._import(number, phase, at_ns, rows)
        else:
            self._poll(number, phase, at_ns, rows)

    def _churn(self, number: int, phase: str, at_ns: int, rows: list[Row]) -> None:
        session, key, body = f"ses_{number:012x}", f"bench-{number}-1", f"{number:016x}"
        told = f'{{"state":"active","body":"{body}"}}'
        at_ns = self._call_of(
            rows, phase, "create_session", at_ns, 201, key, session, told, refusable=True
        )
        told = '{"state":"active"}'
        at_ns = self._call_of(rows, phase, "get_session", at_ns, 200, "", session, told)
        self._call_of(rows, phase, "delete_session", at_ns, 204, "", session, "")

    def _import(self, number: int, phase: str, at_ns: int, rows: list[Row]) -> None:
        n = 1 + number % 50
        told = (
            f'{{"sent":{n},"imported":{n},"inserted":{n},"updated":0,"skipped":0'
            f',"fresh":{n},"same":0,"newer":0,"older":0}}'
        )
        key = f"bench-{number}-1"
        self._call_of(rows, phase, "import_selector_cache", at_ns, 200, key, "", told)

    def _poll(self, number: int, phase: str, at_ns: int, rows: list[Row]) -> None:
        run, key, body = f"run_{number:012x}", f"bench-{number}-1", f"{number:016x}"
        told = f'{{"status":"queued","body":"{body}"}}'
        at_ns = self._call_of(
            rows, phase, "queue_run", at_ns, 202, key, run, told, refusable=True, replayed=0
        )
        for status in ("running", "succeeded"):
            at_ns += 100 * _MS
            told = f'{{"status":"{status}"}}'
            at_ns = self._call_of(rows, phase, "get_run", at_ns, 200, "", run, told)
        told = f'{{"first":1,"last":12,"lines":12,"digest":"{body}"}}'
        self._call_of(rows, phase, "get_run_logs", at_ns, 200, "", run, told)

    def _call_of(
        self, rows: list[Row], phase: str, operation: str, at_ns: int, status: int, key: str,
        resource: str, told: str, *, refusable: bool = False, replayed: int = -1,
    ) -> int:  # fmt: skip
        """Append a call's attempts; returns its end."""
        self._call += 1
        chance, attempt = self._chance, 1
        if refusable and chance.random() < _REFUSED:
            end_ns = at_ns + _MS
            rows.append(
                ("local", phase, operation, self._call, 1, at_ns, at_ns, end_ns, 429,
                 "CLOUD_RATE_LIMITED", "rate_limited", 1000, 1000, 0.05, key, "", -1, 320,
                 180, "retried", "", "")
            )  # fmt: skip
            at_ns, attempt = end_ns + 50 * _MS, 2
        start_ns = at_ns + chance.randrange(60_000)
        end_ns = start_ns + int(chance.lognormvariate(15.4, 0.5))
        rows.append(
            ("local", phase, operation, self._call, attempt, at_ns, start_ns, end_ns, status,
             "", "ok", (end_ns - start_ns) // 1000, (end_ns - at_ns) // 1000, math.nan, key,
             resource, replayed, 420, 610, "done", told, "")
        )  # fmt: skip
        return end_ns


def _end_ns(row: Row) -> int:
    end_ns = row[7]
    assert isinstance(end_ns, int)
    return end_ns


def write_parts(trial: Path, attempts: int, seed: int = 7) -> int:
    """
    Write the directory of a trial of so many attempts, measured and not yet finished.

    Returns:
        How many attempts they are: rounds are whole, so there are a few more.
    """
    written, ended_ns = 0, T0 * NS
    with PartWriter(trial) as writer:
        for rows in History(seed).blocks():
            for first in range(0, len(rows), BATCH_ROWS):
                table = attempts_table(rows[first : first + BATCH_ROWS])
                writer.append("local", to_ipc(table), to_ipc(bucket_table(table)))
            written += len(rows)
            ended_ns = _end_ns(rows[-1])
            if written >= attempts:
                break
        for second in range((ended_ns - T0 * NS) // NS):
            sample = {"cpu_fraction": 0.5, "loop_lag_ms": 2.0, "late_starts": 0}
            writer.event(event(float(second), "generator", in_flight=20, **sample))
    steady_ns = (T0 + 10) * NS
    document = manifest(
        scenario="mixed",
        workers=[WorkerSummary("local", attempts=written, planned=written // 3)],
        phases=[
            PhaseWindow("warm-up", T0 * NS, steady_ns, measured=False),
            PhaseWindow("steady", steady_ns, max(ended_ns, steady_ns)),
        ],
        plan={"name": "bench", "seed": seed, "slo": {"must": ["p99<1s", "errors<1%"]}},
        started_ns=T0 * NS,
        ended_ns=ended_ns,
        state="measured",
        embedded=True,
    )
    (trial / "manifest.json").write_bytes(msgspec.json.encode(document))
    return written
