"""Live figures over a pipe: whole lines, and never a load that waits for its reader."""

from __future__ import annotations

import os

import msgspec
import pytest

from harness.load import progress as progresses
from harness.load.progress import LiveMetrics, Progress
from harness.trial.batches import attempts_table, bucket_table
from tests.trials import attempt, rate_limited


@pytest.fixture
def pipe():
    """Its ends, for reading and for writing."""
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def test_probes_are_no_part_of_the_figures(pipe):
    """Attempts by outcome, and the ok ones' times; what a probe hears is none of it."""
    progress = Progress(pipe[1], 10**9)
    rows = [
        attempt(service_ms=10.0),
        rate_limited(),
        attempt(phase="probe", outcome="client_error"),
    ]
    progress.add(bucket_table(attempts_table(rows)))
    progress.write()
    live = msgspec.json.decode(os.read(pipe[0], 65536), type=LiveMetrics)

    assert {"ok": 1, "rate_limited": 1} == live.outcomes
    assert 2 == live.attempts
    assert 10.0 == pytest.approx(live.p50_ms, rel=0.001)


def test_a_reader_that_stands_still_stops_nothing_and_gets_whole_lines(pipe):
    """A full pipe leaves figures out; a line that was begun is ended first."""
    progress = Progress(pipe[1], 10**9)
    progress.note = lambda: 9_990 * "x"  # longer than what a pipe takes whole or not at all
    for _ in range(50):  # some times what a pipe holds
        progress.write()
    told = os.read(pipe[0], 1 << 20)
    torn = not told.endswith(b"\n")
    progress.write()
    told += os.read(pipe[0], 1 << 20)
    lines = told.splitlines()

    assert torn
    assert told.endswith(b"\n")
    assert 2 < len(lines) < 50
    assert {9_990} == {len(msgspec.json.decode(line, type=LiveMetrics).note) for line in lines}


def test_old_figures_are_forgotten_where_nobody_asks_for_them(monkeypatch):
    """A load without a reader may last for days."""
    clock = iter(range(0, 10**18, 10**9))
    monkeypatch.setattr(progresses, "unix_ns", lambda: next(clock))
    progress = Progress(None, 10**9)
    table = bucket_table(attempts_table([attempt()]))
    for _ in range(100):
        progress.add(table)

    assert len(progress._recent) <= progresses.WINDOW_S + 1
    assert 100 == progress.snapshot().attempts


def test_a_reader_that_is_gone_is_told_once(pipe):
    """Nobody is left to stop or to judge the load."""
    progress, told = Progress(pipe[1], 10**9), []
    progress.on_orphaned = lambda: told.append("gone")
    os.close(pipe[0])
    progress.write()
    progress.write()

    assert ["gone"] == told
