"""The generator's samples of itself: lag, CPU, late starts, saturation."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from harness.load.self_monitor import SelfMonitor


def monitor_of(lags_ms=()):
    """A monitor that was not started, and its events."""
    events = []
    monitor = SelfMonitor(SimpleNamespace(late=0, in_flight=3), "w0", events.append)
    monitor._lags_ns = [int(1e6 * lag_ms) for lag_ms in lags_ms]
    return monitor, events


@pytest.mark.parametrize(
    ("count", "expected"), [(1, 1.0), (99, 99.0), (100, 99.0), (101, 100.0), (1000, 990.0)]
)
def test_the_lag_is_its_nearest_rank_percentile(count, expected):
    """Of 1, 2, … n the smallest that 99 in a hundred do not exceed."""
    monitor, _ = monitor_of(map(float, range(count, 0, -1)))
    monitor._sample(0, 0.1, 0)

    assert expected == pytest.approx(monitor.loop_lag_p99_ms, rel=1e-3)


def test_a_long_load_takes_no_more_room_than_a_short_one():
    """A week of beats: the percentile of all of them, in the memory of the first second."""
    monitor, events = monitor_of([1.0])
    monitor._sample(0, 0.1, 0)
    size = monitor._lag_counts.nbytes
    for second in range(2000):
        monitor._lags_ns = [5_000_000 if second < 1990 else 90_000_000] * 50
        monitor._sample(second, 0.1, 0)
        events.clear()

    assert size == monitor._lag_counts.nbytes < 1 << 20
    assert monitor._lags_ns == []
    assert 5.0 == pytest.approx(monitor.loop_lag_p99_ms, rel=1e-3)


def test_no_beat_is_no_lag():
    """A load that was over at once."""
    assert 0.0 == monitor_of()[0].loop_lag_p99_ms


@pytest.mark.parametrize(
    ("cpu", "lag_ms", "saturated"), [(0.89, 99.0, 0), (0.9, 0.0, 1), (0.0, 100.0, 1)]
)
def test_a_second_at_the_limit_is_counted(cpu, lag_ms, saturated):
    """Nine tenths of a core, or a loop a tenth of a second late."""
    monitor, events = monitor_of([0.0, lag_ms])
    monitor._sample(5, cpu, 2)

    assert saturated == monitor.saturated_s
    assert cpu == monitor.cpu_max_fraction
    assert [(5, "generator", "w0")] == [(e.time_ns, e.kind, e.worker) for e in events]
    assert {
        "cpu_fraction": cpu, "loop_lag_ms": lag_ms, "late_starts": 2, "in_flight": 3,
    } == events[0].data  # fmt: skip
