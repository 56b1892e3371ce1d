"""All artifacts are written into the trial, summary last, and labs' results told."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import pytest

import reports.sections
from harness.errors import TrialError
from reports import html
from reports.section import Section, Table
from reports.sections import build_sections
from reports.write import write_reports
from tests.reports.conftest import build
from tests.trials import attempt, finding, write_trial


@pytest.fixture(autouse=True)
def _drawn_before(monkeypatch, drawn):
    """Figures have tests of their own, and take a second a page."""
    monkeypatch.setattr(html, "draw_figures", lambda _: drawn["empty"])


def test_every_promised_artifact_is_there(tmp_path):
    """Whoever finds summary.json finds all the others, each non-empty."""
    path = write_trial(tmp_path / "t", [attempt()], findings=[finding()])
    written = [file.relative_to(path).as_posix() for file in write_reports(path)]

    assert {
        *("latency.hlog", "percentiles/create_session-service.hgrm", "junit.xml", "report.md"),
        *("percentiles/create_session-response.hgrm", "report.html", "tables/operations.csv"),
    } <= set(written)
    assert "summary.json" == written[-1]
    assert not [name for name in written if not (path / name).stat().st_size]
    assert "pass" == json.loads((path / "summary.json").read_text())["verdict"]


def test_findings_given_outweigh_those_of_the_file(tmp_path):
    """The checks' own findings can be handed over before they are written."""
    path = write_trial(tmp_path / "t", [attempt()], findings=[finding()])
    write_reports(path, [finding("fail")])

    assert "fail" == json.loads((path / "summary.json").read_text())["verdict"]


def test_a_damaged_trial_leaves_no_report(tmp_path):
    """Nothing is written of what cannot be read."""
    path = write_trial(tmp_path / "t", [attempt()])
    (path / "intervals.parquet").write_bytes(b"")

    with pytest.raises(TrialError):
        write_reports(path)
    assert not (path / "summary.json").exists()


def test_a_labs_module_adds_its_section(tmp_path, monkeypatch):
    """A module in reports/sections with a build function is all that it takes."""
    module = ModuleType("reports.sections.capacity")
    table = Table("Steps", ("rate", "ok"), ((10, "yes"),))
    module.build = lambda model: Section(
        "capacity", "Capacity", (f"It held {model.labs['capacity']['ceiling']}.",), (table,)
    )
    monkeypatch.setitem(sys.modules, "reports.sections.capacity", module)
    monkeypatch.setattr(
        reports.sections.pkgutil,
        "iter_modules",
        lambda _: [type("M", (), {"name": "capacity"})],
    )
    model = build(tmp_path / "t", [attempt()], documents={"capacity.json": {"ceiling": 37}})

    (section,) = build_sections(model)
    assert ("Capacity", ("It held 37.",), (table,)) == (
        section.title,
        section.prose,
        section.tables,
    )


def test_a_result_without_a_module_is_shown_plainly(tmp_path, monkeypatch):
    """Nothing that a lab left stays unsaid: keys and values, nested ones with dots."""
    monkeypatch.setattr(reports.sections.pkgutil, "iter_modules", lambda _: [])
    document = {"limited": True, "rate_per_s": {"estimate": 50.0, "low": None}, "steps": [1, 2]}
    model = build(tmp_path / "t", [attempt()], documents={"rate_limit.json": document})

    (section,) = build_sections(model)
    assert "rate-limit" == section.name
    assert (
        ("limited", "yes"),
        ("rate_per_s.estimate", 50.0),
        ("rate_per_s.low", None),
        ("steps.0", 1),
        ("steps.1", 2),
    ) == section.tables[0].rows
