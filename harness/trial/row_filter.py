"""
Uneventful attempts: successes that checks only need to count.

An attempt is uneventful when its response is a success without a violation, and its call has no
second attempt. In a long trial nearly all are, so checks do not read them.
"""

from __future__ import annotations

import functools
from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc


class UneventfulFilter:
    """Removes the uneventful attempts from a log, piece by piece, and counts them by worker."""

    columns = (
        "worker", "call_id", "attempt", "status", "code", "outcome", "disposition", "violation"
    )  # fmt: skip

    def __init__(self, retried: pa.Array) -> None:
        """``retried``: ids of calls with a second attempt."""
        self._retried = retried
        self.counts: Counter[str] = Counter()

    def keep(self, table: pa.Table) -> pa.Table:
        """The attempts that are not uneventful; names must be dictionaries."""
        uneventful = self._find(table)
        workers = table["worker"].filter(uneventful).value_counts()
        for row in workers.to_pylist():
            self.counts[row["values"]] += row["counts"]
        return table.filter(pc.invert(uneventful))

    def _find(self, table: pa.Table) -> pa.ChunkedArray:
        status = table["status"]
        marks = (
            is_one_of(table["outcome"], pa.array(["ok"])),
            is_one_of(table["code"], pa.array([""])),
            pc.invert(is_one_of(table["disposition"], pa.array(["retried"]))),
            pc.equal(table["violation"], ""),
            pc.equal(table["attempt"], 1),
            pc.and_(pc.greater_equal(status, 200), pc.less(status, 300)),
            pc.invert(pc.is_in(table["call_id"], value_set=self._retried)),
        )
        return pc.fill_null(functools.reduce(pc.and_, marks), fill_value=False)


def is_one_of(column: pa.ChunkedArray, names: pa.Array) -> pa.ChunkedArray:
    """Where a name column has one of the names; compares each distinct name once."""
    chunks = []
    for chunk in column.chunks:
        known = pc.is_in(chunk.dictionary, value_set=names)
        chunks.append(pc.fill_null(known.take(chunk.indices), fill_value=False))
    return pa.chunked_array(chunks, pa.bool_())
