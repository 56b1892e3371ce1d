"""The comparison with a baseline: its headline, and what did not pass."""

from __future__ import annotations

from harness.experiments.compare.document import read_comparison
from reports.comparison import words
from reports.comparison.headline import headline
from reports.model import ReportModel
from reports.section import Section, Table

ROWS_MAX = 40


def build(model: ReportModel) -> Section | None:
    """The section; None where compare.json is absent or another's."""
    result = read_comparison(model.labs.get("compare", {}))
    if result is None:
        return None
    whole = words.changes_table(result)
    rows = tuple(row for row in whole.rows if row[0] != "pass")[:ROWS_MAX]
    tables = (Table(whole.caption, whole.head, rows),) if rows else ()
    prose = [headline(result)]
    prose += [f"{name}: {text}." for name, text in words.sides(result)]
    prose += [f"Mind: {caution}." for caution in result.cautions]
    left = len(whole.rows) - len(rows)
    if left:
        prose.append(f"{left:,} more metrics are in compare.html, beside this file.")
    return Section("compare", "Against the baseline", tuple(prose), tables)
