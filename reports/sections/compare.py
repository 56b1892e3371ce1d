"""The comparison with a baseline: headline, sides, and metrics that did not pass."""

from __future__ import annotations

from harness.experiments.compare.changes import read_comparison
from reports.comparison import tables as comparison_tables
from reports.comparison.summary import headline
from reports.formatting import plural
from reports.model import ReportModel
from reports.section import Cell, Section, Table

REGRESSED_MAX = 40
INCONCLUSIVE_MAX = 8
"""A few inconclusive metrics suffice: a short trial has hardly any others."""


def build(model: ReportModel) -> Section | None:
    """The section; None without a readable compare.json."""
    result = read_comparison(model.labs.get("compare", {}))
    if result is None:
        return None
    full = comparison_tables.changes_table(result)
    rows = _not_passed(full.rows)
    shown = (Table(full.caption, full.head, rows),) if rows else ()
    prose = [headline(result)]
    prose += [f"{name}: {text}." for name, text in comparison_tables.describe_sides(result)]
    prose += [f"Note: {caution}." for caution in result.cautions]
    left = len(full.rows) - len(rows)
    if left:
        prose.append(f"compare.html, beside this file, has {plural(left, 'more metric')}.")
    return Section("compare", "Against the baseline", tuple(prose), shown)


def _not_passed(rows: tuple[tuple[Cell, ...], ...]) -> tuple[tuple[Cell, ...], ...]:
    """The regressed metrics and the first inconclusive ones."""
    regressed = [row for row in rows if row[0] == "regressed"]
    inconclusive = [row for row in rows if row[0] == "inconclusive"]
    return (*regressed[:REGRESSED_MAX], *inconclusive[:INCONCLUSIVE_MAX])
