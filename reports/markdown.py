"""
report.md for a pull request or a GitHub job summary (limit: 1 MiB).

Text from the target or a plan is escaped, so that it cannot add GFM tables or links.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from harness.text import one_line
from harness.verdicts import Finding, Verdict
from reports.formatting import number, plural
from reports.model import ReportModel
from reports.prose import VERDICT_LABELS, brief, sentences
from reports.section import Cell, Section, Table
from reports.sections import build_sections
from reports.tables import errors_table, evidence_table, load_errors, operations_table, phases_table

_ERRORS_MAX = 10
_EVIDENCE_ROWS_MAX = 5
_FINDINGS_MAX = 40
_TEXT_MAX = 400
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@$])")
_SYMBOLS = {Verdict.PASS: "✅", Verdict.FAIL: "❌", Verdict.UNKNOWN: "❔"}


def render(model: ReportModel, sections: Sequence[Section] | None = None) -> str:
    """The page; `sections` if already built."""
    summary = model.summary
    passed, *rest = brief(model)
    sections = build_sections(model) if sections is None else sections
    blocks = [
        (
            f"# {_SYMBOLS[model.verdict]} {VERDICT_LABELS[model.verdict]}: "
            f"{escape(summary['scenario'])}"
        ),
        f"**{escape(passed)}**",
        *(escape(sentence) for sentence in rest),
        *(escape(sentence) for sentence in sentences(model)),
        *(block for section in sections if section.first for block in _section(section)),
        "## Operations",
        gfm_table(_without_response(operations_table(model))),
        *_findings(model),
        *_errors(model),
        "## Phases",
        gfm_table(phases_table(model)),
    ]
    for section in sections:
        blocks += [] if section.first else _section(section)
    blocks.append(
        "Latencies cover attempts that ended ok in measured phases. *Service* time starts when a "
        "request is sent, *response* time at its planned start. "
        f"Trial `{_code(summary['trial_id'])}`."
    )
    return "\n\n".join(block for block in blocks if block) + "\n"


def _section(section: Section) -> list[str]:
    blocks = [f"## {escape(section.title)}", *(escape(text) for text in section.prose)]
    for table in section.tables:
        blocks += [f"**{escape(table.caption)}**", gfm_table(table)]
    return blocks


def escape(text: str) -> str:
    """Plain text as one line of GFM, cut at `_TEXT_MAX` characters."""
    return _SPECIAL.sub(r"\\\1", one_line(text, _TEXT_MAX))


def _findings(model: ReportModel) -> list[str]:
    if not model.findings:
        return []
    rows = [(f"{_SYMBOLS[f.verdict]} {f.verdict}", f.name, f.detail) for f in model.findings]
    table = Table("Findings", ("verdict", "check", "detail"), tuple(rows[:_FINDINGS_MAX]))
    left = len(rows) - _FINDINGS_MAX
    more = [f"summary.json has {plural(left, 'more finding')}."] if left > 0 else []
    failed = [f for f in model.findings[:_FINDINGS_MAX] if f.verdict is Verdict.FAIL]
    return ["## Findings", gfm_table(table), *more, *(_evidence(model, f) for f in failed)]


def _evidence(model: ReportModel, finding: Finding) -> str:
    table = evidence_table(model, finding, _EVIDENCE_ROWS_MAX)
    if table is None:
        return ""
    caption = html.escape(one_line(table.caption, _TEXT_MAX))
    return f"<details><summary>{caption}</summary>\n\n{gfm_table(table)}\n\n</details>"


def _errors(model: ReportModel) -> list[str]:
    table = errors_table(model, _ERRORS_MAX)
    if not table.rows:
        return []
    left = len(load_errors(model)) - len(table.rows)
    more = [f"tables/errors.csv has {plural(left, 'rarer error')}."] if left > 0 else []
    return ["## Errors by code", gfm_table(table), *more]


def _without_response(table: Table) -> Table:
    """Only p50, p99 and max of both metrics, to fit the width of a job summary."""
    kept = [
        n
        for n, name in enumerate(table.head)
        if n < 4 or any(f" {p}," in name for p in ("p50", "p99", "max"))
    ]
    return Table(
        table.caption,
        tuple(table.head[n] for n in kept),
        tuple(tuple(row[n] for n in kept) for row in table.rows),
    )


def gfm_table(table: Table) -> str:
    """A GFM table with escaped cells."""
    lines = [
        "| " + " | ".join(escape(name) for name in table.head) + " |",
        "| " + " | ".join("---:" if right else "---" for right in table.numeric) + " |",
    ]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in table.rows]
    return "\n".join(lines)


def _cell(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return escape(cell)
    return number(cell)


def _code(text: str) -> str:
    return re.sub(r"[^\w.:+-]", "_", text)[:_TEXT_MAX]
