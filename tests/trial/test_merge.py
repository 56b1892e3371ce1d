"""Bucket tables add up to the same intervals, however they were cut and in any order."""

from __future__ import annotations

import random
from collections import Counter

import pyarrow as pa
import pytest
from hdrh.histogram import HdrHistogram

from harness.trial import merge
from harness.trial.batches import BUCKETS, attempts_table, bucket_table
from harness.trial.merge import Merger
from tests.trials import attempt, intervals_table


def some_attempts(seed: int, count: int = 3000) -> list:
    """Attempts of every kind over some seconds."""
    chance = random.Random(seed)
    return [
        attempt(
            phase=chance.choice(["warm-up", "steady", "ramp"]),
            operation=chance.choice(["create_session", "get_run"]),
            outcome=chance.choice(["ok", "ok", "ok", "timeout"]),
            at_s=chance.uniform(0, 5),
            service_ms=chance.lognormvariate(2, 2),
            late_ms=chance.choice([0, 0, 700]),
        )
        for _ in range(count)
    ]


def counted(rows) -> Counter:
    """What must come out, counted one by one."""
    return Counter(
        (row.end_ns // 10**9, row.phase, row.operation, row.outcome, metric)
        for row in rows
        for metric in ("service", "response")
    )


@pytest.mark.parametrize("pending", [1, 700, 10**9])
def test_any_cut_and_any_order(monkeypatch, pending):
    """Batches of any size in any order, merged early or late, give one and the same table."""
    monkeypatch.setattr(merge, "_PENDING_MIN", pending)
    rows = some_attempts(3)
    whole = intervals_table(attempts_table(rows))
    chance = random.Random(4)
    shuffled = chance.sample(rows, len(rows))
    merger, at = Merger(), 0
    while at < len(rows):
        size = chance.randint(1, 400)
        merger.add(bucket_table(attempts_table(shuffled[at : at + size])))
        at += size
    merged = merger.intervals()

    assert whole.equals(merged)
    names = ["second", "phase", "operation", "outcome", "metric"]
    found = {tuple(row[n] for n in names): row["count"] for row in merged.to_pylist()}
    assert counted(rows) == found
    assert sorted(found) == list(found)
    for row in merged.to_pylist():
        assert row["count"] == HdrHistogram.decode(row["hdr"]).get_total_count()


def test_nothing_gives_nothing():
    """No table, and empty tables, make an empty table of intervals."""
    merger = Merger()
    merger.add(BUCKETS.empty_table())

    assert len(merger.intervals()) == 0
    assert intervals_table(attempts_table([])).equals(Merger().intervals())


@pytest.mark.parametrize(
    "damage",
    [
        {"bucket": 23_552},
        {"bucket": -1},
        {"count": 0},
        {"count": -(1 << 62)},
        {"second": 1 << 40},
        {"phase": None},
    ],
)
def test_what_no_generator_writes_is_refused(damage):
    """A bucket beyond the histogram, or a time beyond reason, cannot spoil other counters."""
    good = {
        "second": 1_700_000_000, "phase": "steady", "operation": "get_run",
        "outcome": "ok", "metric": "service", "bucket": 7, "count": 1,
    }  # fmt: skip
    merger = Merger()
    merger.add(pa.Table.from_pylist([good], schema=BUCKETS))

    with pytest.raises(ValueError, match=r".+"):
        merger.add(pa.Table.from_pylist([{**good, **damage}], schema=BUCKETS))
