"""
Sections of labs: every module here adds one to each report.

A module has the name of the lab's result (``rate_limit.py`` for ``rate_limit.json``) and one
function, ``build(model: ReportModel) -> Section | None``, where None means no section. It is
imported only if there is a result. A result without a module, or in another format, appears as a
plain table of its keys.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

from reports.model import LABS, ReportModel
from reports.section import Section, Table

_ROWS_MAX = 60


def build_sections(model: ReportModel) -> list[Section]:
    """The sections of a trial, in the order of the modules' names."""
    built = []
    handled = set()
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda found: found.name):
        handled.add(module.name)
        if module.name in LABS and module.name not in model.labs:
            continue
        section = _build(module.name, model)
        if section is not None:
            built.append(section)
    return built + [
        _generic_section(name, lab) for name, lab in model.labs.items() if name not in handled
    ]


def _build(name: str, model: ReportModel) -> Section | None:
    """A module's section; a plain table if the document has another format."""
    build = importlib.import_module(f"{__name__}.{name}").build
    try:
        section: Section | None = build(model)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        if name not in model.labs:
            raise
        return _generic_section(name, model.labs[name], f"{name}.json has an unknown format.")
    return section


def _generic_section(name: str, lab: Mapping[str, Any], first: str = "") -> Section:
    rows = tuple(_flatten(lab))
    table = Table(f"{name}.json", ("key", "value"), rows[:_ROWS_MAX], facts=True)
    more = f"{name}.json has {len(rows) - _ROWS_MAX} more values."
    prose = tuple(filter(None, (first, more if len(rows) > _ROWS_MAX else "")))
    return Section(name.replace("_", "-"), name.replace("_", " "), prose, (table,))


def _flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, str | int | float | None]]:
    if isinstance(value, Mapping | list):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, inner in items:
            yield from _flatten(inner, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, bool):
        yield prefix, "yes" if value else "no"
    else:
        yield prefix, value
