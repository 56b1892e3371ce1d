"""The comparison with a baseline: its headline, and what did not pass."""

from __future__ import annotations

from harness.experiments.compare.document import read_comparison
from reports.comparison import tables as comparison_tables
from reports.comparison.summary import headline
from reports.model import ReportModel
from reports.section import Cell, Section, Table

REGRESSED_MAX = 40
OPEN_MAX = 8
"""Of what cannot be told a few rows are enough: a short trial has nothing else."""


def build(model: ReportModel) -> Section | None:
    """The section; None where compare.json is absent or another's."""
    result = read_comparison(model.labs.get("compare", {}))
    if result is None:
        return None
    whole = comparison_tables.changes_table(result)
    rows = _telling(whole.rows)
    shown = (Table(whole.caption, whole.head, rows),) if rows else ()
    prose = [headline(result)]
    prose += [f"{name}: {text}." for name, text in comparison_tables.describe_sides(result)]
    prose += [f"Mind: {caution}." for caution in result.cautions]
    left = len(whole.rows) - len(rows)
    if left:
        prose.append(f"{left:,} more metrics are in compare.html, beside this file.")
    return Section("compare", "Against the baseline", tuple(prose), shown)


def _telling(rows: tuple[tuple[Cell, ...], ...]) -> tuple[tuple[Cell, ...], ...]:
    """What regressed, and the first of what cannot be told."""
    regressed = tuple(row for row in rows if row[0] == "regressed")
    open_ = tuple(row for row in rows if row[0] == "inconclusive")
    return (*regressed[:REGRESSED_MAX], *open_[:OPEN_MAX])
