"""Print an evaluated trial: on a terminal, and for GitHub."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.analysis.probes import PROBE_PREFIX
from harness.cli.console import plain_table, print_line, status
from harness.cli.github import annotate, append_step_summary
from harness.exit_codes import ExitCode
from harness.text import show_hidden

if TYPE_CHECKING:
    from harness.assess.evaluate import Evaluation
    from harness.execution.experiment import Experiment

MS_PER_S = 1000
_STYLE = {"pass": "green", "fail": "bold red", "unknown": "yellow"}
_ITS_PROBES = "  its probes"
_PERCENTILES = ("p50", "p99", "p99_9", "max")


def run_and_print(
    experiment: Experiment, key: str, out: Console, progress: Console, *, github: bool = False
) -> ExitCode:
    """Run a trial, print its evaluation, and return the exit code; raises as `run_trial`."""
    # `report` and `check` do not need what runs a trial.
    from harness.execution.lifecycle import run_trial

    result = run_trial(experiment, key, progress, partial(status, console=progress))
    print_evaluation(result.evaluation, out, github=github)
    return result.exit_code


def print_evaluation(evaluation: Evaluation, out: Console, *, github: bool = False) -> None:
    """Print the summary and where the report is; ``github`` adds annotations."""
    print_summary(evaluation.summary, out)
    print_line(out, f"report: {evaluation.path / 'report.html'}")
    append_step_summary(evaluation.path / "report.md", os.environ, sys.stderr)
    if github:
        annotate(evaluation.summary, out.file)


def print_summary(summary: dict[str, Any], out: Console) -> None:
    """Print the verdict, the operations and the findings as tables."""
    verdict, load = summary["verdict"], summary["load"]
    probes = sum(row["probes"]["attempts"] for row in summary["operations"].values())
    out.print(
        Text.assemble(
            ("verdict: ", "bold"),
            (verdict, _STYLE[verdict]),
            f"   {summary['scenario']} ({summary['model']} model), "
            f"{summary['duration_s']:.1f} s, "
            f"{load['calls']:,} calls, {load['attempts']:,} attempts"
            f"{f' and {probes:,} probes' if probes else ''}",
        )
    )
    out.print(_operations(summary["operations"]))
    out.print(_findings(summary["findings"]))
    if verdict == "unknown" and all(f["verdict"] == "pass" for f in summary["findings"]):
        out.print("no attempts since the load began, so the verdict is unknown")


def _operations(operations: dict[str, Any]) -> Table:
    columns = ("attempts", "per s", "ok", *(p.replace("_", ".") for p in _PERCENTILES))
    table = plain_table("response time, ms", "operation", right=columns)
    table.columns[0].overflow = "fold"  # where the terminal is narrow
    rows = []
    for name, row in sorted(operations.items()):
        # A short name below the row of the operation leaves room for the numbers.
        probes = _ITS_PROBES if row["load"]["attempts"] else f"{PROBE_PREFIX}{name}"
        rows.append((name, row["load"], row["response_ms"]))
        rows.append((probes, row["probes"], row["probes"]["response_ms"]))
    for name, amount, times in rows:
        if amount["attempts"]:
            cells = [_ms(times[p]) for p in _PERCENTILES]
            counts = (f"{amount['attempts']:,}", f"{amount['attempts_per_s']:,.1f}")
            table.add_row(name, *counts, f"{amount['outcomes'].get('ok', 0):,}", *cells)
    return table


def _ms(value_ms: float | None) -> str:
    """Format a time: whole milliseconds from one second."""
    if value_ms is None:
        return "-"
    return f"{value_ms:.1f}" if value_ms < MS_PER_S else f"{value_ms:,.0f}"


def _findings(findings: list[dict[str, Any]]) -> Table:
    table = plain_table("findings", "verdict", "check", "detail")
    for finding in findings:
        style = _STYLE[finding["verdict"]]
        texts = [Text(show_hidden(finding[part])) for part in ("name", "detail")]
        table.add_row(Text(finding["verdict"], style), *texts)
    return table
