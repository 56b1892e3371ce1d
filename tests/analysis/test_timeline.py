"""Series by second count what ended there, and their percentiles are exact."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from harness.analysis import distributions, timeline
from harness.analysis.distributions import latencies
from harness.analysis.timeline import (
    coarsen_samples,
    codes_by_second,
    count_by_second,
    generator_samples,
    heat_map,
    latency_by_second,
)
from harness.trial.schema import Event
from harness.trial.store import open_trial
from tests.trials import T0, attempt, event, rate_limited, write_trial


@pytest.fixture
def trial(tmp_path):
    """Second 0: 1 … 100 ms and 3 refusals; second 2: one of 500 ms; second 3: a time-out."""
    rows = [attempt(call_id=n, at_s=0.0, service_ms=float(n)) for n in range(1, 101)]
    rows += [rate_limited(call_id=200 + n, at_s=0.5) for n in range(3)]
    rows += [attempt(call_id=300, at_s=2.0, service_ms=500.0, late_ms=1000.0)]
    rows += [attempt(call_id=301, at_s=3.0, outcome="timeout", status=0)]
    return open_trial(write_trial(tmp_path / "t", rows))


def test_counts_have_no_gaps(trial):
    """A second in which nothing ended is a zero."""
    frame = count_by_second(trial.intervals_table())

    assert [T0, T0 + 1, T0 + 2, T0 + 3] == frame.index.tolist()
    assert [100, 0, 1, 0] == frame["ok"].tolist()
    assert [3, 0, 0, 0] == frame["rate_limited"].tolist()
    assert [0, 0, 0, 1] == frame["timeout"].tolist()


def test_longer_steps_hold_the_same_counts(trial):
    """Steps of two seconds begin at even seconds and lose nothing."""
    frame = count_by_second(trial.intervals_table(), step_s=2)

    assert [T0, T0 + 2] == frame.index.tolist()
    assert [100, 1] == frame["ok"].tolist()


def test_latency_is_exact_second_by_second(trial):
    """p50, p99 and max of 1 … 100 ms, then of the one value; the silent second is absent."""
    measured = latencies(trial.intervals_table(), {"steady"})
    frame = latency_by_second(measured, "service")

    assert [T0, T0 + 2] == frame.index.tolist()
    np.testing.assert_allclose([[50, 99, 100], [500] * 3], frame.to_numpy(), rtol=1e-3)
    response = latency_by_second(measured, "response", "create_session")
    assert response.loc[T0 + 2, "max"] == pytest.approx(1500, rel=1e-3)
    assert 0 == len(latency_by_second(measured, "response", "cdp"))


def test_latency_of_a_longer_step_is_of_all_its_values(trial):
    """A step is merged as counts: its median is not the mean of two medians."""
    frame = latency_by_second(latencies(trial.intervals_table(), {"steady"}), "service", step_s=4)

    np.testing.assert_allclose([[51, 100, 500]], frame.to_numpy(), rtol=1e-3)


def test_merged_and_in_pieces_it_is_the_same(tmp_path, monkeypatch):
    """Slots, parts that are decoded and pieces that are counted change no number."""
    rows = [
        attempt(
            call_id=n, at_s=n * 0.13, service_ms=float(1 + n * 37 % 500),
            operation=("get_run", "create_session")[n % 2], phase=("steady", "ramp")[n % 3 > 1],
        )
        for n in range(600)
    ]  # fmt: skip
    intervals = open_trial(write_trial(tmp_path / "t", rows)).intervals_table()
    phases = {"steady", "ramp"}
    first = T0 // 6 * 6
    edges = np.arange(first, first + 90, 6), np.geomspace(500.0, 600_000.0, 20)

    def told(step_s):
        measured = latencies(intervals, phases, step_s)
        times = latency_by_second(measured, "response", step_s=6)
        one = latency_by_second(measured, "service", "get_run", step_s=6)
        heat = heat_map(measured, "service", *edges)
        counts = {key: one.counts.tolist() for key, one in measured.distributions.items()}
        return times.to_dict(), one.to_dict(), heat.tolist(), counts, measured.highest.tolist()

    by_second = told(1)
    monkeypatch.setattr(distributions, "_ROWS_AT_ONCE", 5)
    monkeypatch.setattr(timeline, "_STEPS_PER_CHUNK", 3)

    assert by_second == told(6) == told(3) == told(1)


def test_codes_stand_beside_outcomes_without_one(trial):
    """A time-out has no code and stands under its outcome, in brackets."""
    frame = codes_by_second(trial.attempts_table(["phase", "end_ns", "code", "outcome"]))

    assert ["(timeout)", "CLOUD_RATE_LIMITED"] == sorted(frame.columns)
    assert [3, 0, 0, 0] == frame["CLOUD_RATE_LIMITED"].tolist()
    assert [0, 0, 0, 1] == frame["(timeout)"].tolist()


def test_a_trial_without_rows_has_empty_series(tmp_path):
    """Nothing observed is an empty frame, not an error."""
    trial = open_trial(write_trial(tmp_path / "t", []))
    intervals = trial.intervals_table()

    assert 0 == len(count_by_second(intervals))
    assert 0 == len(codes_by_second(trial.attempts_table()))
    assert 0 == len(latency_by_second(latencies(intervals, {"steady"}), "service"))


def test_the_heat_map_holds_every_value_once(trial):
    """Rows are latencies upwards, columns seconds; what lies outside goes to the edge."""
    measured = latencies(trial.intervals_table(), {"steady"})
    counts = heat_map(
        measured,
        "service",
        np.array([T0, T0 + 1, T0 + 2]),
        np.array([0.0, 50_500.0, 100_500.0]),
    )

    assert [[50, 0], [50, 1]] == counts.tolist()


def test_samples_tolerate_what_is_no_number():
    """A sample that says nothing, or nonsense, is NaN there."""
    frame = generator_samples(
        [event(1, "generator", cpu_fraction=0.5, in_flight="many"), event(2, "note", text="no")]
    )

    assert [0.5] == frame["cpu_fraction"].tolist()
    assert frame[["in_flight", "loop_lag_ms"]].isna().all(axis=None)
    assert [T0 + 1.0] == frame["time_s"].tolist()


def test_no_samples_are_an_empty_frame():
    """The columns are there all the same."""
    frame = generator_samples([Event(1, "note")])

    assert 0 == len(frame)
    assert isinstance(frame["worker"].dtype, pd.StringDtype)


def test_samples_of_a_long_load_are_coarsened():
    """By worker and step: the worst of each figure, and all late starts."""
    events = [
        event(float(s), "generator", worker, cpu_fraction=s / 10, late_starts=1)
        for s in range(8)
        for worker in ("a", "b")
    ]
    samples = generator_samples(events)
    samples["time_s"] -= T0
    coarse = coarsen_samples(samples, 4)

    assert [("a", 2.0, 0.3), ("b", 2.0, 0.3), ("a", 6.0, 0.7), ("b", 6.0, 0.7)] == list(
        zip(coarse["worker"], coarse["time_s"], coarse["cpu_fraction"], strict=True)
    )
    assert {4.0} == set(coarse["late_starts"])
    assert samples.equals(coarsen_samples(samples, 1))
