"""
tables/*.csv: every number of the report for a spreadsheet or a notebook.

UTF-8, comma, point, LF. A text that a spreadsheet would take for a formula (it begins
with ``=``, ``+``, ``-``, ``@``, a tab or a return) gets an apostrophe in front: codes and
messages come from the target (OWASP, "CSV Injection").
"""

from __future__ import annotations

import pandas as pd

from harness.analysis.distributions import METRICS
from reports.model import ReportModel
from reports.section import Table
from reports.tables import generator_table, operations_table, phases_table

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render(model: ReportModel) -> dict[str, bytes]:
    """
    File name → CSV.

    ``operations``, ``outcomes`` (phase, operation, outcome, count), ``errors``, ``phases``,
    ``generator``, ``findings``, ``timeline`` (a row a step: seconds since the load's start,
    attempts by outcome, latencies in ms).
    """
    frames = {
        "operations": _frame(operations_table(model)),
        "outcomes": model.counts,
        "errors": model.errors,
        "phases": _frame(phases_table(model)),
        "generator": _frame(generator_table(model)),
        "findings": pd.DataFrame(
            [(f.name, f.kind, str(f.verdict), f.detail) for f in model.findings],
            columns=["name", "kind", "verdict", "detail"],
        ),
        "timeline": timeline(model),
    }
    return {f"{name}.csv": _csv(frame) for name, frame in frames.items()}


def timeline(model: ReportModel) -> pd.DataFrame:
    """
    All series side by side.

    Columns: ``second`` (since the load's start), one an outcome (attempts that ended in
        the step), ``service_p50_ms`` … ``response_max_ms`` (empty where nothing was measured).
    """
    parts = [model.outcomes_s]
    parts += [
        model.latency_ms[metric].add_prefix(f"{metric}_").add_suffix("_ms") for metric in METRICS
    ]
    return pd.concat(parts, axis=1).sort_index().rename_axis("second").reset_index()


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
