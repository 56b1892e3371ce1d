"""What went wrong, by the API's own words: code, status and operation, counted."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from harness.analysis.probes import label_probe_operations, without_preflight

COLUMNS = ("phase", "operation", "code", "status", "outcome")
"""What `count_error_codes` needs of the attempt log."""


def count_error_codes(attempts: pa.Table) -> pd.DataFrame:
    """
    Attempts that did not end well, most frequent first.

    Args:
        attempts: At least `COLUMNS`; every phase but the preflight counts, and a probe is
            an operation of its own (`label_probe_operations`).

    Columns:
        code       str      -  the answer's CLOUD_* code; "" when it had none
        status     int64    -  HTTP status; 0 when there was no answer
        operation  str      -
        outcome    str      -
        count      int64    -  attempts that ended so
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
    ordered = errors.sort_values(keys, ascending=[False, True, True, True, True])
    return ordered[names].reset_index(drop=True)


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(column.cast(pa.string()), "")
