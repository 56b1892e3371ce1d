"""Write the reports of a trial atomically, summary.json last: if it exists, all others do."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from harness.trial.store import open_trial, write_atomically, write_json
from harness.verdicts import Finding
from reports import csv_tables, hdr, html, junit, markdown
from reports.model import ReportModel, build_model
from reports.sections import build_sections


def write_reports(
    trial_path: str | os.PathLike[str], findings: Sequence[Finding] | None = None
) -> list[Path]:
    """
    Render all reports of a finished trial into its directory.

    Args:
        findings: Results of the checks; None reads findings.json.

    Returns:
        The files written, summary.json last.

    Raises:
        TrialError: The trial is absent or damaged, or its directory cannot be written.
    """
    trial = open_trial(trial_path)
    return write_model(trial.path, build_model(trial, findings))


def write_model(directory: Path, model: ReportModel) -> list[Path]:
    """Render all reports into a directory; raises and returns as `write_reports`."""
    sections = build_sections(model)
    files = {
        "latency.hlog": hdr.render_log(model),
        **{f"percentiles/{name}": data for name, data in hdr.render_percentiles(model).items()},
        **{f"tables/{name}": data for name, data in csv_tables.render(model).items()},
        "junit.xml": junit.render(model),
        "report.md": markdown.render(model, sections).encode(),
        "report.html": html.render(model, sections).encode(),
    }
    written = [write_atomically(directory / name, data) for name, data in files.items()]
    return [*written, write_json(directory / "summary.json", dict(model.summary))]
