"""
(d) What the reports of 1, 10 and 100 workers cost the master, and their merging at the end.

Each worker sends a second of 1,000 attempts a second in batches as a generator makes
them. A master that needs less than a second for it keeps up.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from itertools import islice

from benchmarks.history import History
from harness.load.generator import BATCH_ROWS
from harness.load.spec import TrialSpec
from harness.load.trial_writer import TrialWriter
from harness.plan.model import Plan
from harness.trial.batches import BUCKETS, attempts_table, bucket_table, from_ipc, to_ipc
from harness.trial.merge import Merger

WORKERS, RATE_PER_S, ROUNDS = (1, 10, 100), 1_000, 5


def _reports() -> list[tuple[bytes, bytes]]:
    """Batches of a worker's second, of 20 different workers."""
    rows = [row for block in islice(History().blocks(), 2) for row in block]
    tables = [
        attempts_table(rows[at : at + BATCH_ROWS]) for at in range(0, 20 * RATE_PER_S, BATCH_ROWS)
    ]
    return [(to_ipc(table), to_ipc(bucket_table(table))) for table in tables]


def _once(workers: int, reports: list[tuple[bytes, bytes]]) -> tuple[float, float]:
    """Seconds to take in every worker's second, and to merge them."""
    each = RATE_PER_S // BATCH_ROWS
    with tempfile.TemporaryDirectory() as folder:
        spec = TrialSpec("bench", folder, "mixed", "http://x", "x", {})
        collector = TrialWriter(spec, Plan(), None)
        began = time.perf_counter()
        for worker in range(workers):
            for number in range(each):
                attempts, buckets = reports[(worker * each + number) % len(reports)]
                collector.remote_batch(f"w{worker}", attempts, buckets)
        took_s = time.perf_counter() - began
        collector.finish(interrupted=False)
    began = time.perf_counter()
    merger = Merger()
    for number in range(workers * each):
        merger.add(from_ipc(reports[number % len(reports)][1], BUCKETS))
    merger.intervals()
    return took_s, time.perf_counter() - began


def bench() -> str:
    """Measure; the section's text."""
    reports = _reports()
    _once(1, reports)
    lines = [
        f"Medians of {ROUNDS} rounds; one second of load, {RATE_PER_S:,} attempts a worker.",
        "",
        "| workers | attempts | taken in by the master, ms | µs an attempt | merged, ms |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for workers in WORKERS:
        rounds = [_once(workers, reports) for _ in range(ROUNDS)]
        taken_s, merged_s = (statistics.median(column) for column in zip(*rounds, strict=True))
        attempts = workers * RATE_PER_S
        lines.append(
            f"| {workers} | {attempts:,} | {1e3 * taken_s:.1f} "
            f"| {1e6 * taken_s / attempts:.2f} | {1e3 * merged_s:.1f} |"
        )
    return "\n".join(lines)
