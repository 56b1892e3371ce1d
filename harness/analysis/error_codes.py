"""Errors by the API's code, status and operation, counted."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from harness.analysis.probes import label_probe_operations, without_preflight

COLUMNS = ("phase", "operation", "code", "status", "outcome")
"""Columns that `count_error_codes` needs."""


def count_error_codes(attempts: pa.Table) -> pd.DataFrame:
    """
    Attempts that did not end ok, most frequent first.

    Args:
        attempts: At least `COLUMNS`. The preflight does not count; a probe is an operation of
            its own (`label_probe_operations`).

    Columns:
        code       str      -  CLOUD_* code; "" for none
        status     int64    -  HTTP status; 0 without a response
        operation  str      -
        outcome    str      -
        count      int64    -  attempts
        share      float64  -  of all attempts of that operation, 0 … 1
    """
    counts = attempts.group_by(list(COLUMNS)).aggregate([([], "count_all")])
    counts = label_probe_operations(without_preflight(counts))
    plain = pa.table(
        {name: _as_text(counts[name]) for name in ("code", "operation", "outcome")}
        | {
            "status": counts["status"].cast(pa.int64()),
            "count": counts["count_all"].cast(pa.int64()),
        }
    )
    kinds = ["code", "operation", "outcome", "status"]
    frame: pd.DataFrame = plain.to_pandas().groupby(kinds, as_index=False).sum()
    total = frame.groupby("operation")["count"].transform("sum")
    frame["share"] = frame["count"] / total
    errors = frame[frame["outcome"] != "ok"]
    names = ["code", "status", "operation", "outcome", "count", "share"]
    keys = ["count", "operation", "code", "status", "outcome"]
    ascending = [False, True, True, True, True]
    return errors.sort_values(keys, ascending=ascending, ignore_index=True)[names]


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(column.cast(pa.string()), "")
