"""Pandas frames from a trial: one row per attempt or per call."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from harness.trial.store import Trial

CALL_COLUMNS = (
    "operation", "call_id", "attempt", "intended_ns", "end_ns", "outcome", "disposition"
)  # fmt: skip
"""Columns that `calls` needs."""


def attempts(
    trial: Trial, *, columns: Sequence[str] | None = None, operations: Collection[str] | None = None
) -> pd.DataFrame:
    """
    The attempt log as a frame, in the file's order; the index is 0 … n - 1.

    Columns: ``columns`` (all when None) of ``harness.trial.schema.ATTEMPTS``: names are
        categories, other text is str, numbers keep their width.

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
    What a check reads: `attempts`, or only the eventful ones of all operations.

    Returns:
        The frame, and worker → uneventful attempts left out.

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
    Fold attempts (at least `CALL_COLUMNS`, in any order) into calls, ordered by call_id.

    Columns:
        operation    category  -   of its first attempt
        call_id      int64     -
        intended_ns  int64     ns  of its first attempt
        end_ns       int64     ns  of its last attempt
        attempts     int64     -
        outcome      category  -   of the last attempt
        disposition  category  -   of the last attempt: why it was the last
        response_us  float64   µs  from intended_ns to end_ns, waits included
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
