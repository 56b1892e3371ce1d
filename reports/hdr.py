"""
latency.hlog and percentiles/*.hgrm for HdrHistogram's plotter and log analyzers.

They hold attempts that ended ok in measured phases. The log has the recorded intervals byte for
byte, with the tag OPERATION-METRIC, which is also the name of the percentile file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from harness.analysis.distributions import US_PER_MS, LatencyDistribution
from harness.analysis.hdr_decode import bucket_middle_us
from harness.trial.histograms import bucket_highest_us
from harness.units import NS_PER_S
from reports.model import ReportModel

_TICKS_PER_HALF_DISTANCE = 5
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


def render_log(model: ReportModel) -> bytes:
    """
    latency.hlog, format 1.2: recorded values in µs, Interval_Max in ms, absolute times.

    The log writer of hdrh fails on its start line and rounds the maximum down to integers.
    """
    start_s = model.manifest.started_ns / NS_PER_S
    lines = [
        "#[Histogram log format version 1.2]",
        "#[Attempts that ended ok in measured phases; values in microseconds]",
        f"#[StartTime: {start_s:.3f} (seconds since epoch)]",
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
    ]
    rows = model.measured.rows
    columns = (rows[name] for name in ("second", "operation", "metric", "hdr"))
    for (second, operation, metric, blob), max_us in zip(
        zip(*columns, strict=True), bucket_highest_us(model.measured.highest).tolist(), strict=True
    ):
        head = f"Tag={tag(operation, metric)},{second:.3f},1.000,{max_us / US_PER_MS:.3f}"
        lines.append(f"{head},{blob.decode('ascii')}")
    return "\n".join(lines).encode() + b"\n"


def render_percentiles(model: ReportModel) -> dict[str, bytes]:
    """File name → percentile distribution, values in ms."""
    return {
        f"{tag(operation, metric)}.hgrm": distribution(histogram).encode()
        for (operation, metric), histogram in model.measured.distributions.items()
    }


def tag(operation: str, metric: str) -> str:
    """OPERATION-METRIC, safe in file names and log lines."""
    return f"{_UNSAFE.sub('_', operation)[:80]}-{metric}"


def distribution(histogram: LatencyDistribution) -> str:
    """A percentile distribution as HdrHistogram prints it, in ms including the deviation."""
    lines = [f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}", ""]
    for value_ms, fraction, count in _steps(histogram):
        line = f"{value_ms:12.3f} {fraction:2.12f} {count:10d}"
        lines.append(line if fraction == 1 else f"{line} {1 / (1 - fraction):14.2f}")
    mean_ms = histogram.mean_us() / US_PER_MS
    buckets = np.flatnonzero(histogram.counts)
    squares = (bucket_middle_us(buckets) / US_PER_MS - mean_ms) ** 2
    deviation_ms = float(np.sqrt(np.average(squares, weights=histogram.counts[buckets])))
    max_ms = histogram.percentile_us(1.0) / US_PER_MS
    lines += [
        f"#[Mean    = {mean_ms:12.3f}, StdDeviation   = {deviation_ms:12.3f}]",
        f"#[Max     = {max_ms:12.3f}, TotalCount     = {histogram.total:12.3f}]",
        f"#[Buckets = {22:12d}, SubBuckets     = {2048:12d}]",
    ]
    return "\n".join(lines) + "\n"


def _steps(histogram: LatencyDistribution) -> Iterator[tuple[float, float, int]]:
    """
    Value in ms, percentile level as a fraction, number of values at or below it.

    Level steps halve with every halving of the distance to 1 (HdrHistogram, `PercentileIterator`).
    """
    running = np.cumsum(histogram.counts)
    total = int(running[-1])
    fraction = 0.0
    while True:
        rank = max(int(np.ceil(fraction * total * (1 - 1e-12))), 1)
        index = int(np.searchsorted(running, rank))
        if running[index] == total:
            fraction = 1.0
        yield (float(bucket_highest_us(np.array(index)) / US_PER_MS), fraction, int(running[index]))
        if fraction == 1:
            return
        halvings = int(np.floor(np.log2(1 / (1 - fraction)))) + 1
        fraction += 1 / (_TICKS_PER_HALF_DISTANCE * 2**halvings)
