"""
report.html: the complete report in one file without network access.

Jinja escapes every text. Unescaped markup comes from this package only: style sheet, sorting
script, and figures, whose texts are escaped when drawn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from harness.text import show_hidden
from harness.verdicts import Verdict
from reports import prose, tables
from reports.figures import draw_figures
from reports.formatting import number
from reports.model import ReportModel
from reports.section import Cell, Section
from reports.sections import build_sections

_CODE = re.compile("`([^`]+)`")
_BREAKS = re.compile("(_|,(?! ))")
_LONG = 30  # letters; longer cells wrap
_TEMPLATES = Path(__file__).parent / "templates"


def render(model: ReportModel, sections: Sequence[Section] | None = None) -> str:
    """The page, usually 200 to 700 kB with its figures; `sections` if already built."""
    operations, groups = tables.grouped_operations_table(model)
    sections = build_sections(model) if sections is None else sections
    return render_page(
        "report.html.j2",
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


def render_page(name: str, **values: object) -> str:
    """A template with the style sheet, the sorting script and the values."""
    page = _environment().get_template(name)
    return page.render(
        style=_template_file("style.css"), script=_template_file("sort.js"), **values
    )


def _environment() -> Environment:
    """Jinja with autoescape, where a missing value is an error."""
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
    environment.filters["prose"] = _prose
    return environment


def _prose(text: str) -> Markup:
    """A sentence with commands in backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(_printable(text)))))  # noqa: S704  escaped


def _template_file(name: str) -> Markup:
    """A template file without changes."""
    return Markup((_TEMPLATES / name).read_text("utf-8"))  # noqa: S704  a file of this package


def _printable(value: object) -> object:
    """Replace control characters, which HTML cannot represent."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return show_hidden(value)


def _cell(cell: Cell) -> str:
    """A cell as text; a dash for None."""
    if cell is None:
        return "–"
    return cell if isinstance(cell, str) else number(cell)


def _breakable(text: str) -> Markup:
    """Allow line breaks after underscores (names) and commas (JSON)."""
    return Markup(_BREAKS.sub(r"\1<wbr>", str(escape(_printable(text)))))  # noqa: S704  escaped


def _facts(model: ReportModel) -> list[tuple[str, str]]:
    """Facts about the trial: plan, target, load and counts."""
    manifest, summary = model.manifest, model.summary
    totals, load = summary["totals"], summary["load"]
    target = f"{manifest.host} (built-in stand-in)" if manifest.embedded else manifest.host
    description = manifest.plan.get("description")
    described = isinstance(description, str) and bool(description)
    return [
        ("Trial", manifest.trial_id),
        ("Plan", prose.plan_name(model)),
        *([("Description", str(description))] if described else []),
        ("Target", target),
        ("Started", prose.started_at(model)),
        ("Load", f"{manifest.model} model, seed {manifest.seed}"),
        ("Attempts", f"{load['attempts']:,} for {load['calls']:,} calls"),
        ("Retries", f"{load['retries']:,}"),
        ("Late starts", f"{totals['late_starts']:,}"),
        ("Not started", f"{totals['unstarted_arrivals']:,} arrivals"),
        ("Left open", f"{summary['cleanup']['left_open']:,} sessions"),
        ("Versions", ", ".join(f"{name} {text}" for name, text in manifest.versions.items())),
    ]
