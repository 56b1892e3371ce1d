"""
tables/*.csv: the numbers of the report for spreadsheets and notebooks.

UTF-8, comma, point, LF. Text that a spreadsheet would evaluate as a formula gets an apostrophe in
front, because codes and messages come from the target (OWASP, "CSV Injection").
"""

from __future__ import annotations

import pandas as pd

from harness.analysis.distributions import METRICS
from reports.model import ReportModel
from reports.section import Table
from reports.tables import generator_table, operations_table, phases_table

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_FILE_COLUMNS = {
    "state": "end",
    "late by generator": "late by itself",
    "not started": "never begun",
    "max CPU, %": "most CPU, %",
    "saturated, s": "at its limit, s",
}
"""Heads of the generator table → columns of generator.csv, which programs read."""


def render(model: ReportModel) -> dict[str, bytes]:
    """File name → CSV."""
    frames = {
        "operations": _frame(operations_table(model)),
        "outcomes": model.counts,
        "errors": model.errors,
        "phases": _frame(phases_table(model)),
        "generator": _frame(generator_table(model)).rename(columns=_FILE_COLUMNS),
        "findings": pd.DataFrame(
            [(f.name, f.kind, str(f.verdict), f.detail) for f in model.findings],
            columns=["name", "kind", "verdict", "detail"],
        ),
        "timeline": timeline(model),
    }
    return {f"{name}.csv": _csv(frame) for name, frame in frames.items()}


def timeline(model: ReportModel) -> pd.DataFrame:
    """
    A row per step.

    Columns: ``second`` (since load start), one per outcome (attempts that ended in the step),
        ``service_p50_ms`` … ``response_max_ms`` (empty where nothing was measured).
    """
    latency = (model.latency_ms[m].add_prefix(f"{m}_").add_suffix("_ms") for m in METRICS)
    return (
        pd.concat([model.outcomes_s, *latency], axis=1)
        .sort_index()
        .rename_axis("second")
        .reset_index()
    )


def _frame(table: Table) -> pd.DataFrame:
    return pd.DataFrame(list(table.rows), columns=list(table.head))


def _csv(frame: pd.DataFrame) -> bytes:
    safe = frame.copy()
    safe.columns = pd.Index([_escape_formula(name) for name in safe.columns])
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]):
            safe[name] = safe[name].map(_escape_formula)
    return safe.to_csv(index=False, lineterminator="\n").encode()


def _escape_formula(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
