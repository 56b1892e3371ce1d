"""HdrHistogram's own tools read what we write."""

from __future__ import annotations

import numpy as np
import pytest
from hdrh.log import HistogramLogReader

from harness.analysis.distributions import LatencyDistribution
from harness.analysis.hdr_decode import BUCKET_COUNT
from harness.trial.histograms import bucket_indices, new_histogram
from reports import hdr
from tests.reports.conftest import build
from tests.trials import T0, attempt


def read_log(path):
    """Every interval of a log, by hdrh's reader."""
    reader = HistogramLogReader(str(path), new_histogram())
    found = []
    try:
        while (histogram := reader.get_next_interval_histogram()) is not None:
            found.append(histogram)
        return reader.get_start_time_sec(), found
    finally:
        reader.input_file.close()


def test_the_log_reads_back(story_model, tmp_path):
    """All good answers are there, tagged, at their absolute times, in order."""
    (tmp_path / "latency.hlog").write_bytes(hdr.render_log(story_model))
    start_s, found = read_log(tmp_path / "latency.hlog")

    assert T0 - 5 == start_s
    service = [h for h in found if h.get_tag() == "create_session-service"]
    assert 1001 == sum(h.get_total_count() for h in service)
    assert {"create_session-service", "create_session-response"} == {h.get_tag() for h in found}
    starts = [h.get_start_time_stamp() for h in service]
    assert sorted(starts) == starts
    assert 1000.0 * T0 == starts[0]
    assert {1000.0} == {h.get_end_time_stamp() - h.get_start_time_stamp() for h in service}


def test_the_logs_maxima_are_in_milliseconds(tmp_path):
    """One answer of 250 ms: its line says 250.xxx, not floored to whole units."""
    model = build(tmp_path / "t", [attempt(service_ms=250.0)])
    lines = [line for line in hdr.render_log(model).decode().splitlines() if "Tag=" in line]

    assert ["250.111"] * 2 == [line.split(",")[3] for line in lines]


@pytest.mark.parametrize("count", [1, 2, 7, 1000, 12_345])
def test_a_distribution_is_hdrhs(count):
    """Value and total of every line agree with the reference printer's levels."""
    values = np.arange(1, count + 1) * 977
    lines = hdr.distribution(spectrum_of(values)).splitlines()
    rows = [line.split() for line in lines[2:] if not line.startswith("#")]

    totals = [int(row[2]) for row in rows]
    assert (values[0] / 1000) == pytest.approx(float(rows[0][0]), rel=1e-3)
    assert sorted(totals) == totals
    assert count == totals[-1]
    assert [1.0] == [float(row[1]) for row in rows if len(row) == 3]
    for value_ms, fraction, total, *_ in rows:
        assert int(total) >= float(fraction) * count - 1e-6
        exact = np.quantile(values, float(fraction), method="inverted_cdf") / 1000
        assert exact == pytest.approx(float(value_ms), rel=1.1e-3, abs=2e-3)


def test_the_tail_of_a_distribution_is_in_its_unit():
    """Mean, deviation and maximum of 100 and 300 ms: 200, 100 and 300 ms."""
    tail = hdr.distribution(spectrum_of(np.array([100_000, 300_000]))).splitlines()[-3:]
    numbers = [float(part.split("=")[1].rstrip("]")) for line in tail for part in line.split(",")]

    assert [200, 100, 300, 2, 22, 2048] == pytest.approx(numbers, rel=1e-3)


def test_names_of_files_cannot_leave_the_directory(hostile_model):
    """An operation named like a path is a plain file all the same."""
    names = list(hdr.render_percentiles(hostile_model))

    assert names
    assert not [name for name in names if set(name) & set('/\\<>"\0 ,') or name.startswith(".")]
    assert "______x-service" == hdr.tag("../../x", "service")


def test_an_empty_trial_has_an_empty_log(empty_model, tmp_path):
    """A head and no interval."""
    (tmp_path / "latency.hlog").write_bytes(hdr.render_log(empty_model))

    assert (T0 - 5, []) == read_log(tmp_path / "latency.hlog")
    assert {} == hdr.render_percentiles(empty_model)


def spectrum_of(values_us):
    """The spectrum of a sample in µs."""
    counts = np.bincount(bucket_indices(values_us), minlength=BUCKET_COUNT)
    return LatencyDistribution(counts.astype(np.int64))
