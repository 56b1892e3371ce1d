"""
report.html: the whole story in one file that needs no network.

Every text goes through Jinja's autoescape; the only markup let through unescaped is
the style sheet, the sorting script and the figures, all made here (the figures' own
texts were escaped when they were drawn).
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from harness.text import show_hidden
from harness.verdicts import Verdict
from reports import prose, tables
from reports.figures import draw_figures
from reports.formatting import number
from reports.model import ReportModel
from reports.section import Cell
from reports.sections import build_sections

_BREAKS = re.compile("(_|,(?! ))")
_LONG = 30  # letters: such a cell has lines of its own
_TEMPLATES = Path(__file__).parent / "templates"


def render(model: ReportModel) -> str:
    """The page; with its figures usually 200 to 700 kB."""
    template = environment().get_template("report.html.j2")
    operations, groups = tables.grouped_operations_table(model)
    sections = build_sections(model)
    return template.render(
        style=template_file("style.css"),
        script=template_file("sort.js"),
        model=model,
        summary=model.summary,
        verdict=model.verdict,
        verdict_word=prose.VERDICT_LABELS[model.verdict],
        measured_any=bool(model.measured.distribution("response").total),
        kind=prose.trial_kind(model),
        brief=prose.brief(model),
        sentences=prose.sentences(model),
        measured=prose.METHOD,
        facts=_facts(model),
        findings=[(finding, tables.evidence_table(model, finding)) for finding in model.findings],
        words=prose.VERDICT_LABELS,
        passed=Verdict.PASS,
        operations=operations,
        groups=groups,
        errors=tables.errors_table(model),
        errors_left=max(len(tables.load_errors(model)) - tables.ERRORS_MAX, 0),
        phases=tables.phases_table(model),
        generator=tables.generator_table(model),
        figures={figure.name: figure for figure in draw_figures(model)},
        first=[section for section in sections if section.first],
        sections=[section for section in sections if not section.first],
        plan=json.dumps(model.manifest.plan, indent=2, ensure_ascii=False),
    )


def environment() -> Environment:
    """Jinja for the pages: everything is escaped, and what is missing is an error."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = lambda cell: _breakable(_cell(cell))
    environment.tests["long"] = lambda cell: isinstance(cell, str) and len(cell) > _LONG
    environment.filters["svg"] = Markup  # drawn by reports.figures, which escapes its texts
    return environment


def template_file(name: str) -> Markup:
    """A file of the templates, as it is."""
    return Markup((_TEMPLATES / name).read_text("utf-8"))  # noqa: S704  a file of this package


def _printable(value: object) -> object:
    """Strangers' control characters are replaced: HTML has no way to write a NUL."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return show_hidden(value)


def _cell(cell: Cell) -> str:
    """A cell for people: a dash for nothing."""
    if cell is None:
        return "–"
    return cell if isinstance(cell, str) else number(cell)


def _breakable(text: str) -> Markup:
    """A name may go on behind each underscore, and JSON behind each comma, in a new line."""
    return Markup(_BREAKS.sub(r"\1<wbr>", str(escape(_printable(text)))))  # noqa: S704  escaped


def _planned(model: ReportModel) -> list[tuple[str, str]]:
    rows = [("Plan", prose.plan_name(model))]
    description = model.manifest.plan.get("description")
    if not isinstance(description, str) or not description:
        return rows
    return [*rows, ("What for", description)]


def _facts(model: ReportModel) -> list[tuple[str, str]]:
    """What was run against what, for the page's head."""
    manifest, summary = model.manifest, model.summary
    totals, load = summary["totals"], summary["load"]
    return [
        ("Trial", manifest.trial_id),
        *_planned(model),
        (
            "Target",
            f"{manifest.host} (built-in stand-in)" if manifest.embedded else manifest.host,
        ),
        ("Began", prose.started_at(model)),
        ("Load", f"{manifest.model} model, seed {manifest.seed}"),
        ("Attempts", f"{load['attempts']:,} for {load['calls']:,} calls"),
        ("Retries", f"{load['retries']:,}"),
        ("Late starts", f"{totals['late_starts']:,}"),
        ("Never begun", f"{totals['unstarted_arrivals']:,} arrivals"),
        ("Left open", f"{summary['cleanup']['left_open']:,} sessions"),
        (
            "Versions",
            ", ".join(f"{name} {version}" for name, version in manifest.versions.items()),
        ),
    ]
