"""
Latency distributions: interval histograms merged as counts, and read once.

Percentiles of percentiles are meaningless, so the counters of all seconds, workers
and phases are added first; a percentile is then the nearest rank of the merged
sample: the smallest recorded value with at least ``p`` of all values at or below it
(Hyndman & Fan 1996, definition 1; numpy's ``inverted_cdf``). HdrHistogram rounds a
value up to its bin's end, here at most 0.1 %.
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
    """
    How often each latency occurred.

    Attributes:
        counts: Values in each bin of ``harness.analysis.hdr_decode``; `BUCKET_COUNT` of int64.
    """

    counts: Ints

    @property
    def total(self) -> int:
        """How many values there are."""
        return int(self.counts.sum())

    def percentile_us(self, fraction: float) -> int:
        """
        The nearest-rank percentile in µs, as its bin's highest value.

        Args:
            fraction: 0 … 1; 0 gives the smallest value, 1 the largest.

        Raises:
            ValueError: The distribution is empty.
        """
        cumulative = np.cumsum(self.counts)
        if not cumulative[-1]:
            raise ValueError("an empty distribution has no percentile")
        # 0.9 is a little more than nine tenths: without the slack the rank of a whole
        # product such as 0.9 · 10 could come out one too high.
        rank = max(math.ceil(fraction * int(cumulative[-1]) * (1 - 1e-12)), 1)
        return int(_HIGHEST_US[np.searchsorted(cumulative, rank)])

    def mean_us(self) -> float:
        """The mean in µs, each value taken as its bin's middle; raises when empty."""
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
    """All values of all distributions; an empty distribution when there is none."""
    return LatencyDistribution(
        sum((s.counts for s in distributions), np.zeros(BUCKET_COUNT, np.int64))
    )


@dataclass(frozen=True, slots=True, eq=False)
class Latencies:
    """
    The latencies of a trial's good answers, decoded once for every use.

    Attributes:
        rows: One row an interval that counts: ``second`` int64 (Unix), ``phase``,
            ``operation``, ``metric`` (str), ``count`` int64, ``hdr`` bytes as recorded.
            Sorted by second. The index is 0 … n - 1.
        highest: The highest occupied bin of each row.
        slots: One row a merged interval: ``slot`` int64 (its first Unix second, unless
            `latencies` was told otherwise), ``operation``, ``metric`` (str). Sorted.
        bucket_counts: Its counters; ``cells.row`` is the index of ``slots``.
        distributions: (operation, metric) → merged distribution, for all that occur, sorted.
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
    Names of the phases whose latencies count.

    Those that the manifest marks as measured; `ReservedPhase.LOAD` where it lists none at all
    (a trial that was cut off before its first phase was told). Probes, cleanup and
    preflight never count.
    """
    names = {phase.name for phase in manifest.phases if phase.measured}
    if not manifest.phases:
        names = {ReservedPhase.LOAD}
    return frozenset(names - {ReservedPhase.PROBE, ReservedPhase.CLEANUP, ReservedPhase.PREFLIGHT})


def latencies(
    intervals: pa.Table, phases: Collection[str], slot: Callable[[pd.DataFrame], Ints] | int = 1
) -> Latencies:
    """
    Decode the intervals that make percentiles: outcome ok, in the given phases.

    A long trial has more counters than one wants to hold at once, so they are merged as
    they are decoded: an hour at 10,000 attempts a second has 50 million by second, and a
    fifth of that by the ten seconds that a figure can show.

    Args:
        intervals: Rows of ``harness.trial.schema.INTERVALS``.
        phases: Names as `measured_phases` gives them.
        slot: What is merged: so many seconds, which begin at multiples of it, or a number
            for each of ``Latencies.rows``, those of one number together.

    Raises:
        TrialError: An interval holds no histogram.
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
    Decode histograms and add up those of one group, a bounded number at a time.

    Returns:
        The groups' counters, ascending, and the highest bin of each histogram.

    Raises:
        TrialError: There is no histogram, or not one of as many values as its row says.
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
            msg = "intervals.parquet: a histogram has not the count of its row"
            raise TrialError(f"{msg}; copy the trial again or repeat it")
        # Bins rise within a row, so the last cell of a row is its largest value.
        last_cell = np.searchsorted(bucket_counts.row, np.arange(end - begin), side="right") - 1
        highest[order[begin:end]] = bucket_counts.bucket[last_cell]
        parts.append(_sum_groups(bucket_counts, sorted_group[begin:end]))
        begin = end
    return BucketCounts(*(np.concatenate(column) for column in zip(*parts, strict=True))), highest


def _sum_groups(bucket_counts: BucketCounts, group: Ints) -> BucketCounts:
    """Cells of rows as cells of groups; ``group`` names each row's, ascending."""
    if len(np.unique(group)) == len(group):
        return BucketCounts(
            group[bucket_counts.row].astype(np.int32), bucket_counts.bucket, bucket_counts.counts
        )
    key = group[bucket_counts.row] * BUCKET_COUNT + bucket_counts.bucket
    order = np.argsort(key, kind="stable")  # a radix sort: keys are runs that rise
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
    """Every (operation, metric) merged in one pass over the cells."""
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
