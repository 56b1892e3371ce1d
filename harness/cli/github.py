"""
Write GitHub's job summary and annotations.

Neither changes a verdict: a summary that cannot be written is a line on stderr.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from harness.experiments.compare.changes import Comparison
from harness.text import one_line
from reports.comparison.summary import brief
from reports.comparison.tables import describe_change

STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
SUMMARY_BYTES_MAX = 1024 * 1024
"""GitHub shows no job summary of a step beyond 1 MiB."""
ANNOTATIONS_MAX = 10
"""GitHub keeps ten annotations of each level per step and silently drops the rest."""
_TEXT_MAX = 1000
_LEVELS = {"fail": "error", "unknown": "warning"}


def append_step_summary(report: Path, environ: Mapping[str, str], err: IO[str]) -> bool:
    """
    Append report.md to the file that ``GITHUB_STEP_SUMMARY`` names.

    A report that is already there is not repeated. One that would exceed the limit is left
    out, because GitHub would then show nothing at all.

    Returns:
        Whether the summary now holds the report.
    """
    name = environ.get(STEP_SUMMARY, "")
    if not name:
        return False
    summary = Path(name)
    try:
        text = report.read_bytes()
        before = summary.read_bytes() if summary.exists() else b""
        if text in before:
            return True
        if len(before) + len(text) > SUMMARY_BYTES_MAX:
            err.write(f"harness: {STEP_SUMMARY}: {report} no longer fits into 1 MiB\n")
            return False
        gap = b"" if not before else b"\n" if before.endswith(b"\n") else b"\n\n"
        with summary.open("ab") as file:
            file.write(gap + text)
    except OSError as error:
        err.write(f"harness: {STEP_SUMMARY}: {error}\n")
        return False
    return True


def annotate(summary: Mapping[str, Any], out: IO[str]) -> None:
    """Print an annotation for each failed and each unknown finding of a summary.json."""
    for verdict, level in _LEVELS.items():
        found = [f for f in summary["findings"] if f["verdict"] == verdict]
        out.writelines(line + "\n" for line in _annotations(level, found))
    if summary["verdict"] == "pass":
        checks, attempts = len(summary["findings"]), summary["totals"]["attempts"]
        text = f"{summary['scenario']}: {checks} checks passed on {attempts:,} attempts"
        out.write(_command("notice", "harness: pass", text) + "\n")


def annotate_comparison(result: Comparison, out: IO[str]) -> None:
    """Print an annotation for each regression; without any, whether the candidate passed."""
    regressed = [
        {"name": f"{c.operation} {c.metric} regressed", "detail": describe_change(c)}
        for c in result.of("regressed")
    ]
    lines = _annotations("error", regressed, "compare.json")
    if not regressed:
        level = "notice" if result.verdict == "pass" else "warning"
        text = " ".join(brief(result)[:2])
        lines = [_command(level, f"harness compare: {result.verdict}", text)]
    out.writelines(line + "\n" for line in lines)


def _annotations(
    level: str, findings: Sequence[Mapping[str, Any]], rest: str = "summary.json"
) -> list[str]:
    shown = findings if len(findings) <= ANNOTATIONS_MAX else findings[: ANNOTATIONS_MAX - 1]
    lines = [_command(level, f["name"], f["detail"]) for f in shown]
    left = len(findings) - len(shown)
    if left:
        lines.append(_command(level, "harness", f"{left} more are in {rest}"))
    return lines


def _command(level: str, title: str, message: str) -> str:
    """Format a workflow command; text from a target stays on its line."""
    title = _escape(one_line(title, _TEXT_MAX)).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={title}::{_escape(one_line(message, _TEXT_MAX))}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
