"""
Merging: the bucket tables of all batches and workers become one table of intervals.

A long trial has tens of millions of counters, so they are added as integers: one 63-bit key holds
second, labels and bucket. Sorting groups equal keys, and their counts add up without loss.
"""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa

from harness.trial.histograms import Encoder, IntArray
from harness.trial.schema import HDR_BUCKETS, INTERVALS

LABELS = ("phase", "operation", "outcome", "metric")

_BUCKET_BITS, _GROUP_BITS, _SECOND_BITS = 15, 23, 25
_GROUP_SHIFT = _BUCKET_BITS
_SECOND_SHIFT = _BUCKET_BITS + _GROUP_BITS
_PENDING_MIN = 4_000_000
_COUNTED_MAX = 1 << 20
"""Up to this bound, counting finds distinct values ten times faster than sorting."""


class Merger:
    """Adds up bucket tables; memory grows with the number of distinct keys."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, ...], int] = {}
        self._base = 0
        self._keys: list[IntArray] = []
        self._counts: list[IntArray] = []
        self._pending = self._merged = 0

    def add(self, table: pa.Table) -> None:
        """Add a table of schema ``harness.trial.batches.BUCKETS``; raise ValueError if damaged."""
        if not len(table):
            return
        table = table.unify_dictionaries().combine_chunks()
        second, bucket, count = (
            table[name].to_numpy().astype(np.int64) for name in ("second", "bucket", "count")
        )
        self._base = self._base or int(second[0]) - (1 << (_SECOND_BITS - 1))
        since = second - self._base
        if not _in_range(since, 1 << _SECOND_BITS):
            raise ValueError("its seconds are years away from the other batches'")
        if not _in_range(bucket, HDR_BUCKETS) or not _in_range(count - 1, 1 << 48):
            raise ValueError("a histogram beyond its range")
        group = self._group_codes(table)
        self._keys.append(since << _SECOND_SHIFT | group << _GROUP_SHIFT | bucket)
        self._counts.append(count)
        self._pending += len(count)
        # Twice the memory at most, and linear work.
        if self._pending >= max(_PENDING_MIN, self._merged):
            self._compact()

    def _group_codes(self, table: pa.Table) -> IntArray:
        """A number for each row's labels, the same in every table."""
        local = np.zeros(len(table), np.int64)
        names: list[list[str]] = []
        for label in LABELS:
            column = table[label].chunk(0)
            if column.null_count:
                raise ValueError(f"a {label} without a name")
            names.append(column.dictionary.to_pylist())
            local = local * max(len(names[-1]), 1) + column.indices.to_numpy()
        distinct = _distinct(local, math.prod(max(len(values), 1) for values in names))
        codes = np.empty(len(distinct), np.int64)
        for place, packed in enumerate(distinct.tolist()):
            rest, labels = packed, []
            for values in reversed(names):
                rest, index = divmod(rest, len(values))
                labels.append(values[index])
            codes[place] = self._groups.setdefault(tuple(labels[::-1]), len(self._groups))
        if len(self._groups) > 1 << _GROUP_BITS:
            raise ValueError("more phases and outcomes than a trial can have")
        return codes[np.searchsorted(distinct, local)]

    def _compact(self) -> None:
        keys, counts = sum_by_key(np.concatenate(self._keys), np.concatenate(self._counts))
        self._keys, self._counts = [keys], [counts]
        self._pending, self._merged = 0, len(keys)

    def intervals(self) -> pa.Table:
        """The table of intervals.parquet (schema `INTERVALS`), sorted by all its names."""
        if not self._groups:
            return INTERVALS.empty_table()
        self._compact()
        keys, counts = self._keys[0], self._counts[0]
        interval = keys >> _GROUP_SHIFT
        starts = np.flatnonzero(np.diff(interval, prepend=-1))
        ends = np.append(starts[1:], len(keys))
        second = (interval[starts] >> _GROUP_BITS) + self._base
        group = interval[starts] & ((1 << _GROUP_BITS) - 1)
        rank = np.empty(len(self._groups), np.int64)
        rank[[self._groups[label] for label in sorted(self._groups)]] = np.arange(len(rank))
        # Order the intervals only: the counters of each are contiguous.
        order = np.lexsort((rank[group], second))
        labels = list(self._groups)
        columns = zip(*(labels[code] for code in group[order].tolist()), strict=True)
        arrays = [pa.array(second[order])]
        arrays += [pa.array(column, pa.string()).dictionary_encode() for column in columns]
        arrays.append(pa.array(np.add.reduceat(counts, starts)[order]))
        arrays.append(_encode(starts[order], ends[order], keys, counts))
        return pa.Table.from_arrays(arrays, schema=INTERVALS)


def sum_by_key(keys: IntArray, counts: IntArray) -> tuple[IntArray, IntArray]:
    """Each key once, ascending, with the sum of its counts; for non-empty arrays."""
    order = np.argsort(keys)
    keys = keys[order]
    starts = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1))
    return keys[starts], np.add.reduceat(counts[order], starts)


def _encode(starts: IntArray, ends: IntArray, keys: IntArray, counts: IntArray) -> pa.Array:
    bucket = keys & ((1 << _BUCKET_BITS) - 1)
    encoder = Encoder()
    blobs = [
        encoder.encode(bucket[start:end], counts[start:end])
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]
    return pa.array(blobs, pa.binary())


def _distinct(values: IntArray, bound: int) -> IntArray:
    """The distinct values, ascending; all lie in 0 … `bound` - 1."""
    if bound > _COUNTED_MAX:
        return np.unique(values)
    return np.flatnonzero(np.bincount(values, minlength=bound))


def _in_range(values: IntArray, bound: int) -> bool:
    return bool(values.min() >= 0 and values.max() < bound)
