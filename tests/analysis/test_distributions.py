"""Percentiles of merged histograms are those of the merged samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.distributions import (
    PERCENTILES,
    LatencyDistribution,
    latencies,
    measured_phases,
    merge_distributions,
)
from harness.analysis.hdr_decode import BUCKET_COUNT
from harness.trial.histograms import bucket_indices
from harness.trial.schema import PhaseWindow
from harness.trial.store import open_trial
from tests.trials import T0, attempt, ladder, manifest, rate_limited, write_trial


def spectrum_of(values_us):
    """The spectrum of a sample in µs."""
    counts = np.bincount(bucket_indices(np.asarray(values_us, np.int64)), minlength=BUCKET_COUNT)
    return LatencyDistribution(counts.astype(np.int64))


def read(path):
    """The latencies of a written trial."""
    trial = open_trial(path)
    return latencies(trial.intervals_table(), measured_phases(trial.manifest))


def test_a_ladder_of_1_to_1000_ms_has_known_percentiles(tmp_path):
    """p50 is 500 ms, p90 900, p99 990, p99.9 999, max 1000, mean 500.5, to 0.1 %."""
    found = read(write_trial(tmp_path / "t", ladder())).distribution("service").describe_ms()

    expected = {"p50": 500, "p90": 900, "p99": 990, "p99_9": 999, "max": 1000, "mean": 500.5}
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert value <= found[name] <= value * 1.001, name


def test_only_good_answers_of_measured_phases_count(tmp_path):
    """Refusals, warm-up, probes and cleanup change no percentile."""
    rows = [
        attempt(call_id=1, service_ms=10.0),
        rate_limited(call_id=2),
        attempt(call_id=3, phase="warm-up", service_ms=900.0),
        attempt(call_id=4, phase="probe", service_ms=900.0),
        attempt(call_id=5, phase="cleanup", service_ms=900.0),
        attempt(call_id=6, phase="preflight", service_ms=900.0),
    ]
    measured = read(write_trial(tmp_path / "t", rows))

    assert 1 == measured.distribution("service").total
    assert 10_000 <= measured.distribution("service").percentile_us(1.0) <= 10_010


def test_operations_and_metrics_are_kept_apart(tmp_path):
    """Each operation has its own distributions, and response time includes the wait."""
    rows = [
        attempt(call_id=1, service_ms=10.0, late_ms=30.0),
        attempt(call_id=2, operation="get_run", service_ms=1.0),
    ]
    distributions = read(write_trial(tmp_path / "t", rows)).distributions

    maxima = {key: round(s.percentile_us(1.0) / 1000, 1) for key, s in distributions.items()}
    assert {
        ("create_session", "response"): 40.0,
        ("create_session", "service"): 10.0,
        ("get_run", "response"): 1.0,
        ("get_run", "service"): 1.0,
    } == maxima


def test_phases_that_are_not_listed_leave_the_load():
    """A manifest without phases still has the one that needs no name."""
    assert frozenset({"load"}) == measured_phases(manifest(phases=[]))
    assert frozenset() == measured_phases(manifest(phases=[PhaseWindow("w", 0, 1, measured=False)]))
    assert frozenset() == measured_phases(manifest(phases=[PhaseWindow("cleanup", 0, 1)]))


def test_an_empty_spectrum_has_nothing_to_say():
    """No value is null, never zero."""
    nothing = merge_distributions([])

    assert {None} == set(nothing.describe_ms().values())
    with pytest.raises(ValueError, match="empty distribution"):
        nothing.percentile_us(0.5)
    with pytest.raises(ValueError, match="empty distribution"):
        nothing.mean_us()


def test_ranks_of_whole_products_are_not_one_too_high():
    """0.07 · 100 is a little more than 7, and its rank 7 all the same."""
    ten, hundred = spectrum_of(range(1, 11)), spectrum_of(range(1, 101))

    assert [7, 55, 99] == [hundred.percentile_us(p) for p in (0.07, 0.55, 0.99)]
    assert [1, 5, 9, 10, 10] == [ten.percentile_us(p) for p in (0, 0.5, 0.9, 0.99, 1)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 3_600_000_000), min_size=1, max_size=200))
def test_percentiles_equal_numpys_to_a_thousandth(values_us):
    """Nearest rank by numpy, plus 0.1 % and 1 µs at most, never less."""
    distribution = spectrum_of(values_us)
    for fraction in (*PERCENTILES.values(), 1.0):
        exact = np.quantile(values_us, fraction, method="inverted_cdf")
        assert exact <= distribution.percentile_us(fraction) <= exact * 1.001 + 1

    assert distribution.mean_us() == pytest.approx(np.mean(values_us), rel=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(1, 10**9), max_size=30), max_size=5))
def test_merged_parts_equal_one_sample(parts):
    """For any split of a sample, the merged counts are the sample's."""
    merged = merge_distributions(spectrum_of(part) for part in parts)

    assert spectrum_of([v for part in parts for v in part]).counts.tolist() == (
        merged.counts.tolist()
    )


def test_rows_are_in_order_of_time(tmp_path):
    """Attempts written in any order give intervals by rising second."""
    rows = [attempt(call_id=n, at_s=float(9 - n)) for n in range(10)]
    measured = read(write_trial(tmp_path / "t", rows))

    seconds = measured.rows["second"].tolist()
    assert sorted(seconds) == seconds
    assert {T0 + n for n in range(10)} == set(seconds)
