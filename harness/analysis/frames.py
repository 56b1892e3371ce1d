"""
Pandas frames from a trial: one row an attempt, one row a call.

Counting is done in Arrow where the rows are many; a frame is for what looks at
single attempts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from harness.trial.store import Trial

CALL_COLUMNS = (
    "operation",
    "call_id",
    "attempt",
    "intended_ns",
    "end_ns",
    "outcome",
    "disposition",
)
"""What `calls` needs of the attempt log."""


def attempts(
    trial: Trial, *, columns: Sequence[str] | None = None, operations: Collection[str] | None = None
) -> pd.DataFrame:
    """
    The attempt log as a frame, in the file's order; the index is 0 … n - 1.

    Columns: those asked for (all when None), as in ``harness.trial.schema.ATTEMPTS``:
        names are categories, other text is str, numbers keep their width.

    Raises:
        TrialError: The log is absent or damaged.
    """
    return _to_frame(trial.attempts_table(columns, operations))


def read_attempts(
    trial: Trial,
    columns: Sequence[str],
    operations: Collection[str] | None = None,
    *,
    skip_uneventful: bool = False,
) -> tuple[pd.DataFrame, Mapping[str, int]]:
    """
    What a check reads: `attempts`, or of all operations only those that are not uneventful.

    Returns:
        The frame, and worker → attempts that were left out as uneventful.

    Raises:
        TrialError: The log is absent or damaged.
    """
    if not skip_uneventful:
        return attempts(trial, columns=columns, operations=operations), {}
    table, uneventful = trial.eventful_attempts(columns)
    return _to_frame(table), uneventful


def _to_frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
    return frame


def calls(attempts: pd.DataFrame) -> pd.DataFrame:
    """
    Fold attempts into calls, one row each, ordered by call_id; the index is 0 … n - 1.

    Args:
        attempts: At least `CALL_COLUMNS`, in any order.

    Columns:
        operation    category  -   of its first attempt
        call_id      int64     -
        intended_ns  int64     ns  when its first attempt was wanted
        end_ns       int64     ns  when its last attempt ended
        attempts     int64     -   how many were seen
        outcome      category  -   of the last attempt
        disposition  category  -   of the last attempt: why there was no other
        response_us  float64   µs  from first wanted to last ended, waits included
    """
    order = np.lexsort((attempts["attempt"], attempts["call_id"]))
    ids = attempts["call_id"].to_numpy()[order]
    starts = np.flatnonzero(np.concatenate(([True], ids[1:] != ids[:-1]))) if len(ids) else order
    ends = np.append(starts[1:], len(ids)) - 1 if len(ids) else order
    first, last = order[starts], order[ends]
    intended_ns = attempts["intended_ns"].to_numpy()[first]
    end_ns = attempts["end_ns"].to_numpy()[last]
    return pd.DataFrame(
        {
            "operation": attempts["operation"].take(first).array,
            "call_id": ids[starts],
            "intended_ns": intended_ns,
            "end_ns": end_ns,
            "attempts": ends - starts + 1,
            "outcome": attempts["outcome"].take(last).array,
            "disposition": attempts["disposition"].take(last).array,
            "response_us": (end_ns - intended_ns) / 1_000,
        }
    )
