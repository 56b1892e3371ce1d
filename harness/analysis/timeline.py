"""
The trial by second: attempts, outcomes, latencies.

An attempt counts in the Unix second in which it *ended*.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from harness.analysis.distributions import US_PER_MS, Latencies
from harness.analysis.hdr_decode import BUCKET_COUNT, Ints
from harness.analysis.probes import is_probe, label_probe_outcomes, without_preflight
from harness.trial.histograms import bucket_highest_us
from harness.trial.schema import Event
from harness.units import NS_PER_S

_STEPS_PER_CHUNK = 60
LATENCY_SERIES = {"p50": 0.50, "p99": 0.99, "max": 1.0}


def count_by_second(intervals: pa.Table, by: str = "outcome", *, step_s: int = 1) -> pd.DataFrame:
    """
    Attempts of every phase and outcome, by second.

    Args:
        by: Names that become columns: ``outcome``, ``operation`` or ``phase``.
        step_s: Seconds per row; steps begin at multiples of it.

    Columns:
        one per name, int64; the index ``second`` (Unix, the step's first) has no gaps.
    """
    service = intervals.filter(pc.equal(intervals["metric"].cast(pa.string()), "service"))
    sums = service.group_by(["second", by]).aggregate([("count", "sum")])
    return _pivot(sums["second"], sums[by], sums["count_sum"], step_s)


def outcomes_by_second(intervals: pa.Table, *, step_s: int = 1) -> pd.DataFrame:
    """`count_by_second` by outcome, without the preflight; probes are the column ``probe``."""
    return count_by_second(label_probe_outcomes(without_preflight(intervals)), step_s=step_s)


def codes_by_second(attempts: pa.Table, *, step_s: int = 1) -> pd.DataFrame:
    """
    Attempts of the load that did not end ok, by second and code: no probe, no preflight.

    Args:
        attempts: At least ``phase``, ``end_ns``, ``code`` and ``outcome``. An attempt without a
            code counts under its outcome in brackets.
        step_s: Seconds per row, as in `count_by_second`.

    Columns:
        one per code, int64; the index ``second`` (Unix) has no gaps.
    """
    outcome = attempts["outcome"].cast(pa.string())
    failed = attempts.filter(pc.not_equal(outcome, "ok"))
    failed = without_preflight(failed.filter(pc.invert(is_probe(failed))))
    second = pc.divide(failed["end_ns"], NS_PER_S)
    keyed = pa.table({"second": second, "code": failed["code"], "outcome": failed["outcome"]})
    sums = keyed.group_by(["second", "code", "outcome"]).aggregate([([], "count_all")])
    code = pc.fill_null(sums["code"].cast(pa.string()), "")
    outcome = sums["outcome"].cast(pa.string())
    label = pc.if_else(pc.equal(code, ""), pc.binary_join_element_wise("(", outcome, ")", ""), code)
    return _pivot(sums["second"], label, sums["count_all"], step_s)


def latency_by_second(
    measured: Latencies, metric: str, operation: str = "", *, step_s: int = 1
) -> pd.DataFrame:
    """
    p50, p99 and max of one metric (``service`` or ``response``), by second.

    Args:
        operation: One operation, or all when "".
        step_s: Seconds per row; a multiple of the slots' length. Merged as counts, so exact.

    Columns:
        p50, p99, max: float64, ms; the index ``second`` (Unix) has only steps with a value.
    """
    parts = [
        _percentiles(second // step_s * step_s, buckets, counts)
        for second, buckets, counts in _chunks(measured, metric, operation, step_s)
    ]
    return pd.concat(parts) if len(parts) > 1 else parts[0]


def _chunks(
    measured: Latencies, metric: str, operation: str = "", step_s: int = 1
) -> Iterator[tuple[Ints, Ints, Ints]]:
    """
    Second, bin and count of a metric's counters, a bounded number of seconds at a time.

    At least one piece; seconds rise from piece to piece, and no step is split.
    """
    slots, row = measured.slots, measured.bucket_counts.row
    chosen = (slots["metric"] == metric).to_numpy()
    if operation:
        chosen = chosen & (slots["operation"] == operation).to_numpy()
    second = slots["slot"].to_numpy(np.int64)
    steps = np.unique(second // step_s)
    borders = np.searchsorted(second // step_s, steps[_STEPS_PER_CHUNK::_STEPS_PER_CHUNK])
    ends = [0, *np.searchsorted(row, borders).tolist(), len(row)]
    for begin, end in itertools.pairwise(ends):
        inside = np.flatnonzero(chosen[row[begin:end]]) + begin
        yield (
            second[row[inside]],
            measured.bucket_counts.bucket[inside].astype(np.int64),
            measured.bucket_counts.counts[inside],
        )


def _percentiles(second: Ints, buckets: Ints, counts: Ints) -> pd.DataFrame:
    """Nearest-rank percentiles of each second from counters in any order."""
    first = second[0] if len(second) else 0  # the least: rows ascend by second
    # One key of both sorts twice as fast as two keys.
    order = np.argsort((second - first) * BUCKET_COUNT + buckets)
    second, buckets, counts = second[order], buckets[order], counts[order]
    seconds, starts = np.unique(second, return_index=True)
    if not len(seconds):
        return pd.DataFrame(
            columns=list(LATENCY_SERIES), index=pd.Index([], name="second"), dtype=float
        )
    running = np.cumsum(counts)
    before = np.concatenate(([0], running[starts[1:] - 1]))
    totals = np.add.reduceat(counts, starts)
    values_ms = bucket_highest_us(buckets) / US_PER_MS
    columns = {}
    for name, fraction in LATENCY_SERIES.items():
        rank = np.maximum(np.ceil(fraction * totals * (1 - 1e-12)), 1).astype(np.int64)
        columns[name] = values_ms[np.searchsorted(running, before + rank)]
    return pd.DataFrame(columns, index=pd.Index(seconds, name="second"))


def heat_map(
    measured: Latencies, metric: str, edges_s: Ints, edges_us: NDArray[np.float64]
) -> Ints:
    """
    Count the values in each cell of time and latency.

    Args:
        edges_s: Ascending Unix seconds, n + 1 of them; a cell includes its lower edge.
        edges_us: Ascending latencies, m + 1 of them. Values outside the edges of either axis
            count in the nearest cell.

    Returns shape (m, n): latency upwards, time to the right.
    """
    width, height = len(edges_s) - 1, len(edges_us) - 1
    heat = np.zeros(height * width)
    for second, buckets, counts in _chunks(measured, metric):
        x = np.clip(np.searchsorted(edges_s, second, side="right") - 1, 0, width - 1)
        y = np.searchsorted(edges_us, bucket_highest_us(buckets), side="right") - 1
        y = np.clip(y, 0, height - 1)
        heat += np.bincount(y * width + x, counts, height * width)
    return heat.astype(np.int64).reshape(height, width)


def generator_samples(events: Iterable[Event]) -> pd.DataFrame:
    """
    The workers' samples of themselves, in the events' order.

    Columns:
        time_s       float64  s   Unix
        worker       str      -
        cpu_fraction float64  -   of one core
        loop_lag_ms  float64  ms  worst of the sample
        late_starts  float64  -   in the sample
        in_flight    float64  -   calls under way
        (NaN for an absent or invalid number.)
    """
    names = ("cpu_fraction", "loop_lag_ms", "late_starts", "in_flight")
    samples = [e for e in events if e.kind == "generator"]
    columns: dict[str, object] = {
        "time_s": np.array([e.time_ns / NS_PER_S for e in samples], float),
        "worker": pd.Series([e.worker for e in samples], dtype="str"),
    }
    for name in names:
        columns[name] = np.array([_number(e.data.get(name)) for e in samples], float)
    return pd.DataFrame(columns)


def coarsen_samples(samples: pd.DataFrame, step_s: int) -> pd.DataFrame:
    """
    Merge `generator_samples` by worker and step: late starts summed, else the maximum.

    ``time_s`` becomes the step's middle. With ``step_s`` 1 the samples stay as they are.
    """
    if step_s == 1 or not len(samples):
        return samples
    step = (samples["time_s"] // step_s * step_s + step_s / 2).rename("step_s")
    grouped = samples.groupby(["worker", step], as_index=False)
    coarse = grouped.max(numeric_only=True)
    coarse["late_starts"] = grouped["late_starts"].sum()["late_starts"]
    coarse["time_s"] = coarse.pop("step_s")
    return coarse[samples.columns].sort_values("time_s", ignore_index=True, kind="stable")


def _number(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else float("nan")  # type: ignore[arg-type]


def _pivot(
    second: pa.ChunkedArray, name: pa.ChunkedArray, count: pa.ChunkedArray, step_s: int
) -> pd.DataFrame:
    long = pd.DataFrame(
        {
            "second": second.to_numpy() // step_s * step_s,
            "name": name.cast(pa.string()).to_pandas(),
            "count": count.to_numpy(),
        }
    )
    wide = long.pivot_table(
        index="second", columns="name", values="count", aggfunc="sum", fill_value=0
    )
    if len(wide):
        first, last = int(wide.index.min()), int(wide.index.max())
        wide = wide.reindex(range(first, last + 1, step_s), fill_value=0)
    wide.index.name, wide.columns.name = "second", None
    result: pd.DataFrame = wide.astype("int64")
    return result
