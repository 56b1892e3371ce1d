"""Count attempts in Arrow: by phase, operation and outcome, by calls, by error code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from harness.analysis.probes import (
    is_preflight,
    is_probe,
    label_probe_operations,
    without_preflight,
)

COLUMNS = ("phase", "operation", "outcome", "attempt", "call_id")
"""Columns that `count_attempts` needs."""
ERROR_COLUMNS = ("phase", "operation", "code", "status", "outcome")
"""Columns that `count_error_codes` needs."""


@dataclass(frozen=True, slots=True, eq=False)
class AttemptCounts:
    """
    The attempts of a trial, counted.

    Attributes:
        outcomes: ``phase``, ``operation``, ``outcome`` (str), ``count``, ``retries`` (int64;
            attempts after their call's first). Sorted by the names.
        calls: Calls of every phase, and those that ended ok; the same of probes and preflight.
        probes: Probes by kind (``count_probes``).
    """

    outcomes: pd.DataFrame
    calls: tuple[int, int]
    probe_calls: tuple[int, int]
    preflight_calls: tuple[int, int]
    probes: pd.DataFrame


def count_attempts(log: pa.Table, probes: pd.DataFrame) -> AttemptCounts:
    """Count the attempts of a log with at least `COLUMNS`; ``probes`` is from ``count_probes``."""
    return AttemptCounts(
        outcomes=_count_outcomes(log),
        calls=_count_calls(log),
        probe_calls=_count_calls(log.filter(is_probe(log))),
        preflight_calls=_count_calls(log.filter(is_preflight(log))),
        probes=probes,
    )


def _count_outcomes(log: pa.Table) -> pd.DataFrame:
    names = ["phase", "operation", "outcome"]
    retry = pc.greater(log["attempt"], 1).cast(pa.int64())
    grouped = (
        log.select(names)
        .append_column("retries", retry)
        .group_by(names)
        .aggregate([([], "count_all"), ("retries", "sum")])
    )
    frame = _to_frame(grouped, names, {"count": "count_all", "retries": "retries_sum"})
    return frame.sort_values(names, ignore_index=True)


def count_error_codes(attempts: pa.Table) -> pd.DataFrame:
    """
    Attempts (at least `ERROR_COLUMNS`) that did not end ok, most frequent first.

    The preflight does not count; a probe is an operation of its own (`label_probe_operations`).

    Columns:
        code       str      -  CLOUD_* code; "" for none
        status     int64    -  HTTP status; 0 without a response
        operation  str      -
        outcome    str      -
        count      int64    -  attempts
        share      float64  -  of all attempts of that operation, 0 … 1
    """
    grouped = attempts.group_by(list(ERROR_COLUMNS)).aggregate([([], "count_all")])
    grouped = label_probe_operations(without_preflight(grouped))
    names = ["operation", "code", "outcome"]
    frame = _to_frame(grouped, names, {"status": "status", "count": "count_all"})
    frame = frame.groupby([*names, "status"], as_index=False).sum()
    frame["share"] = frame["count"] / frame.groupby("operation")["count"].transform("sum")
    errors = frame[frame["outcome"] != "ok"].sort_values(
        ["count", "operation", "code", "status", "outcome"],
        ascending=[False, True, True, True, True],
        ignore_index=True,
    )
    return errors[["code", "status", "operation", "outcome", "count", "share"]]


def _to_frame(table: pa.Table, names: list[str], numbers: dict[str, str]) -> pd.DataFrame:
    """Columns of names as str, and of numbers (new name → old name) as int64."""
    columns = {name: pc.fill_null(table[name].cast(pa.string()), "") for name in names}
    columns |= {new: table[old].cast(pa.int64()) for new, old in numbers.items()}
    frame: pd.DataFrame = pa.table(columns).to_pandas()
    return frame


def _count_calls(ids: pa.Table) -> tuple[int, int]:
    """Calls, and calls that ended ok."""
    good = pc.fill_null(pc.equal(ids["outcome"], pa.scalar("ok")), fill_value=False)
    # Sorting is faster and smaller than hashing; ids are below 2**62, so one bit holds the end.
    marked = np.sort((ids["call_id"].to_numpy() << 1) | good.to_numpy())
    return _count_distinct(marked >> 1), _count_distinct(marked[marked & 1 == 1])


def _count_distinct(values: npt.NDArray[np.int64]) -> int:
    """Distinct values of an ascending array."""
    return int(np.count_nonzero(values[1:] != values[:-1])) + bool(len(values))
