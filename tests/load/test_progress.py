"""Live metrics over a pipe: complete lines, and the load never waits for the reader."""

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


def test_a_reader_that_stands_still_stops_nothing_and_gets_complete_lines(pipe):
    """A full pipe leaves figures out; a line that was begun is ended first."""
    progress = Progress(pipe[1], 10**9)
    progress.note = lambda: 9_990 * "x"  # longer than a pipe's atomic write
    for _ in range(50):  # some times what a pipe holds
        progress.write()
    text = os.read(pipe[0], 1 << 20)
    torn = not text.endswith(b"\n")
    progress.write()
    text += os.read(pipe[0], 1 << 20)
    lines = text.splitlines()

    assert torn
    assert text.endswith(b"\n")
    assert 2 < len(lines) < 50
    assert {9_990} == {len(msgspec.json.decode(line, type=LiveMetrics).note) for line in lines}


def test_old_figures_are_forgotten_without_a_reader(monkeypatch):
    """A load without a reader may last for days."""
    clock = iter(range(0, 10**18, 10**9))
    monkeypatch.setattr(progresses, "unix_ns", lambda: next(clock))
    progress = Progress(None, 10**9)
    table = bucket_table(attempts_table([attempt()]))
    for _ in range(100):
        progress.add(table)

    assert len(progress._recent) <= progresses.WINDOW_S + 1
    assert 100 == progress.snapshot().attempts


def test_a_reader_that_is_gone_is_reported_once(pipe):
    """No process is left to stop the load."""
    progress, calls = Progress(pipe[1], 10**9), []
    progress.on_orphaned = lambda: calls.append("gone")
    os.close(pipe[0])
    progress.write()
    progress.write()

    assert ["gone"] == calls
