"""
Refuse untrusted tables with values that no trial can have.

Some code allocates by time span, so one absurd time would exhaust memory. Times must lie near the
trial's, as its manifest gives them, and no cell may be empty.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from harness.errors import TrialError
from harness.trial.parquet import RECOPY_HINT
from harness.trial.schema import Manifest
from harness.units import NS_PER_S

SLACK_S = 86_400
"""How far outside the load an attempt may lie: a preflight, a slow last response."""
COUNT_MAX = 1 << 40

_TIMES_NS = ("intended_ns", "start_ns", "end_ns")


def check_intervals(path: Path, table: pa.Table, manifest: Manifest) -> None:
    """Raise TrialError for an empty cell, or a second or count out of range."""
    _check_filled(path, table)
    first_ns, last_ns = _span_ns(manifest)
    _check_range(path, table, "second", first_ns // NS_PER_S, last_ns // NS_PER_S)
    _check_range(path, table, "count", 1, COUNT_MAX)


def check_attempts(path: Path, table: pa.Table, manifest: Manifest) -> None:
    """Raise TrialError for an empty cell or a time out of range, in the columns that were read."""
    _check_filled(path, table)
    for name in _TIMES_NS:
        if name in table.schema.names:
            _check_range(path, table, name, *_span_ns(manifest))


def _span_ns(manifest: Manifest) -> tuple[int, int]:
    ends = [phase.end_ns for phase in manifest.phases]
    return (
        manifest.started_ns - SLACK_S * NS_PER_S,
        max(manifest.ended_ns, *ends, manifest.started_ns) + SLACK_S * NS_PER_S,
    )


def _check_filled(path: Path, table: pa.Table) -> None:
    empty = [name for name in table.schema.names if table[name].null_count]
    if empty:
        raise TrialError(f"{path}: empty cells in {', '.join(empty)}; {RECOPY_HINT}")


def _check_range(path: Path, table: pa.Table, name: str, low: int, high: int) -> None:
    if not table.num_rows:
        return
    ends = pc.min_max(table[name]).as_py()
    for value in ends.values():
        if not low <= value <= high:
            raise TrialError(
                f"{path}: {name} {value} is outside the trial's "
                f"range {low} to {high}; {RECOPY_HINT}"
            )
