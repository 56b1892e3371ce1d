"""
Latency distributions: interval histograms, merged as counts.

Counts of all seconds, workers and phases are added first: percentiles of percentiles are
meaningless. A percentile is the nearest rank of the merged sample: the smallest recorded value
with at least ``p`` of all values at or below it (Hyndman & Fan 1996, definition 1; numpy's
``inverted_cdf``). HdrHistogram rounds a value up to its bin's end, here by 0.1 % at most.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from harness.analysis.hdr_decode import BUCKET_COUNT, BucketCounts, Ints, bucket_middle_us, decode
from harness.attempt import ReservedPhase
from harness.errors import TrialError
from harness.trial.histograms import bucket_highest_us
from harness.trial.schema import Manifest

METRICS = ("service", "response")
PERCENTILES = {"p50": 0.50, "p90": 0.90, "p99": 0.99, "p99_9": 0.999}
US_PER_MS = 1_000.0
_ROWS_AT_ONCE = 1_000

_BIN = np.arange(BUCKET_COUNT)
_HIGHEST_US = bucket_highest_us(_BIN)
_MIDDLE_US = bucket_middle_us(_BIN)


@dataclass(frozen=True, slots=True, eq=False)
class LatencyDistribution:
    """How often each latency occurred, by the `BUCKET_COUNT` bins of ``hdr_decode``."""

    counts: Ints

    @property
    def total(self) -> int:
        """The number of values."""
        return int(self.counts.sum())

    def percentile_us(self, fraction: float) -> int:
        """
        The nearest-rank percentile (``fraction`` 0 … 1) in µs, as its bin's highest value.

        Raises ValueError for an empty distribution.
        """
        cumulative = np.cumsum(self.counts)
        if not cumulative[-1]:
            raise ValueError("an empty distribution has no percentile")
        # 0.9 in binary is above nine tenths: without the slack 0.9 · 10 could give rank 10.
        rank = max(math.ceil(fraction * int(cumulative[-1]) * (1 - 1e-12)), 1)
        return int(_HIGHEST_US[np.searchsorted(cumulative, rank)])

    def mean_us(self) -> float:
        """The mean in µs of the bins' middles; raises ValueError when empty."""
        if not self.total:
            raise ValueError("an empty distribution has no mean")
        return float(np.dot(self.counts.astype(np.float64), _MIDDLE_US) / self.total)

    def describe_ms(self) -> dict[str, float | None]:
        """p50, p90, p99, p99_9, max and mean in ms; each None when nothing was recorded."""
        if not self.total:
            return dict.fromkeys([*PERCENTILES, "max", "mean"])
        numbers = {
            **{name: self.percentile_us(p) / US_PER_MS for name, p in PERCENTILES.items()},
            "max": self.percentile_us(1.0) / US_PER_MS,
            "mean": self.mean_us() / US_PER_MS,
        }
        return {name: round(value, 4) for name, value in numbers.items()}


def merge_distributions(distributions: Iterable[LatencyDistribution]) -> LatencyDistribution:
    """All values of all distributions; empty for none."""
    return LatencyDistribution(
        sum((s.counts for s in distributions), np.zeros(BUCKET_COUNT, np.int64))
    )


@dataclass(frozen=True, slots=True, eq=False)
class Latencies:
    """
    The latencies of a trial's ok attempts, decoded once.

    Attributes:
        rows: One row per counted interval: ``second`` int64 (Unix), ``phase``, ``operation``,
            ``metric`` (str), ``count`` int64, ``hdr`` bytes. Sorted by second; index 0 … n - 1.
        highest: The highest occupied bin of each row.
        slots: One row per merged interval: ``slot`` int64 (its first Unix second by default),
            ``operation``, ``metric`` (str). Sorted.
        bucket_counts: Its counters; ``bucket_counts.row`` is the index of ``slots``.
        distributions: (operation, metric) → merged distribution, sorted.
    """

    rows: pd.DataFrame
    highest: Ints
    slots: pd.DataFrame
    bucket_counts: BucketCounts
    distributions: Mapping[tuple[str, str], LatencyDistribution]

    def distribution(self, metric: str, operation: str | None = None) -> LatencyDistribution:
        """The merged distribution of one metric, of one operation or of all."""
        return merge_distributions(
            distribution
            for (op, of_metric), distribution in self.distributions.items()
            if of_metric == metric and operation in (None, op)
        )


def measured_phases(manifest: Manifest) -> frozenset[str]:
    """
    Names of the phases whose latencies count: those that the manifest marks as measured.

    `ReservedPhase.LOAD` if the manifest lists no phase (a trial cut off before its first phase).
    Probes, cleanup and preflight never count.
    """
    names = {phase.name for phase in manifest.phases if phase.measured}
    if not manifest.phases:
        names = {ReservedPhase.LOAD}
    return frozenset(names - {ReservedPhase.PROBE, ReservedPhase.CLEANUP, ReservedPhase.PREFLIGHT})


def latencies(
    intervals: pa.Table, phases: Collection[str], slot: Callable[[pd.DataFrame], Ints] | int = 1
) -> Latencies:
    """
    Decode the intervals that make percentiles: outcome ok, in ``phases``.

    Counters are merged as they are decoded: an hour at 10,000 attempts per second has 50 million
    by second, and a fifth of that by ten seconds.

    Args:
        phases: Names from `measured_phases`.
        slot: Seconds to merge (slots begin at multiples of it), or a function that numbers each
            of ``Latencies.rows``; rows of one number are merged.

    Raises TrialError for an interval without a histogram.
    """
    rows = _good_rows(intervals, phases)
    second: Ints = rows["second"].to_numpy(np.int64)
    placed = second // slot * slot if isinstance(slot, int) else slot(rows)
    keyed = rows[["operation", "metric"]].assign(slot=placed)
    grouped = keyed.groupby(["slot", "operation", "metric"])
    slots = grouped.size().index.to_frame(index=False)
    bucket_counts, highest = _merge_rows(rows, np.asarray(grouped.ngroup(), np.int64))
    return Latencies(rows, highest, slots, bucket_counts, _merge_groups(slots, bucket_counts))


def _good_rows(intervals: pa.Table, phases: Collection[str]) -> pd.DataFrame:
    names = ["second", "phase", "operation", "outcome", "metric", "count"]
    frame = intervals.select(names).to_pandas()
    for name in ("phase", "operation", "outcome", "metric"):
        frame[name] = frame[name].astype("object")
    counted = (frame["outcome"] == "ok") & frame["phase"].isin(list(phases))
    order = frame[counted].sort_values(["second", "operation", "metric"], kind="stable").index
    rows: pd.DataFrame = frame.loc[order].drop(columns="outcome").reset_index(drop=True)
    rows["hdr"] = pd.Series(
        intervals["hdr"].take(pa.array(order.to_numpy(), pa.int64())).to_pylist(), dtype="object"
    )
    return rows


def _merge_rows(rows: pd.DataFrame, group: Ints) -> tuple[BucketCounts, Ints]:
    """
    Decode histograms and sum each group, a bounded number at a time.

    Returns the groups' counters, ascending, and the highest bin of each histogram. Raises
    TrialError if a histogram is absent or its total differs from its row's count.
    """
    blobs, counts = rows["hdr"], rows["count"].to_numpy(np.int64)
    order = np.argsort(group, kind="stable")
    sorted_group = group[order]
    highest = np.zeros(len(blobs), np.int64)
    parts = [BucketCounts(np.empty(0, np.int32), np.empty(0, np.int16), np.empty(0, np.int64))]
    begin = 0
    while begin < len(order):
        # A part ends with a group, so that no group lies in two parts.
        last = sorted_group[min(begin + _ROWS_AT_ONCE, len(order)) - 1]
        end = int(np.searchsorted(sorted_group, last, side="right"))
        bucket_counts = decode(blobs.iloc[order[begin:end]])
        held = np.bincount(bucket_counts.row, bucket_counts.counts, end - begin)
        if not np.array_equal(held, counts[order[begin:end]]):
            text = "intervals.parquet: a histogram's total differs from its row's count"
            raise TrialError(f"{text}; copy the trial again or repeat it")
        # Bins ascend within a row, so its last counter is its largest value.
        last_cell = np.searchsorted(bucket_counts.row, np.arange(end - begin), side="right") - 1
        highest[order[begin:end]] = bucket_counts.bucket[last_cell]
        parts.append(_sum_groups(bucket_counts, sorted_group[begin:end]))
        begin = end
    return BucketCounts(*(np.concatenate(column) for column in zip(*parts, strict=True))), highest


def _sum_groups(bucket_counts: BucketCounts, group: Ints) -> BucketCounts:
    """Counters of rows as counters of groups; ``group`` of each row, ascending."""
    if len(np.unique(group)) == len(group):
        return BucketCounts(
            group[bucket_counts.row].astype(np.int32), bucket_counts.bucket, bucket_counts.counts
        )
    key = group[bucket_counts.row] * BUCKET_COUNT + bucket_counts.bucket
    order = np.argsort(key, kind="stable")  # a radix sort: keys are ascending runs
    key = key[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    return BucketCounts(
        (key[starts] // BUCKET_COUNT).astype(np.int32),
        (key[starts] % BUCKET_COUNT).astype(np.int16),
        np.add.reduceat(bucket_counts.counts[order], starts),
    )


def _merge_groups(
    slots: pd.DataFrame, bucket_counts: BucketCounts
) -> dict[tuple[str, str], LatencyDistribution]:
    """Merge every (operation, metric) in one pass over the counters."""
    keys = sorted(set(zip(slots["operation"], slots["metric"], strict=True)))
    of_slot = slots.groupby(["operation", "metric"]).ngroup().to_numpy(np.int64)
    counts = np.zeros(len(keys) * BUCKET_COUNT, np.int64)
    np.add.at(
        counts,
        of_slot[bucket_counts.row] * BUCKET_COUNT + bucket_counts.bucket,
        bucket_counts.counts,
    )
    shared = counts.reshape(len(keys), BUCKET_COUNT)
    return {key: LatencyDistribution(shared[number]) for number, key in enumerate(keys)}
