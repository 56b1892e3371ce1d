"""
After the load: from parts to verdict. It needs the directory and nothing else.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.analysis.frames import read_attempts
from harness.analysis.probes import PROBE_PREFIX
from harness.assess.baseline_comparison import compare_with_baseline
from harness.assess.history import compare_with_history
from harness.checks.capacity import check_capacity
from harness.checks.check import TrialContext
from harness.checks.completeness import check_completeness
from harness.checks.drift import check_drift
from harness.checks.plugins import installed_checks
from harness.checks.registry import CHECKS, run_checks
from harness.checks.slo import evaluate
from harness.cli.console import plain_table, status
from harness.cli.github import annotate, append_step_summary
from harness.errors import UsageError
from harness.exit_codes import ExitCode
from harness.json_aliases import add_aliases
from harness.plan.file import build_plan
from harness.text import show_hidden
from harness.trial.finalize import finalize_trial
from harness.trial.store import FINDINGS, Trial, open_trial, write_json
from harness.verdicts import Finding, Verdict
from reports.write import write_reports

EXIT_CODES = {
    Verdict.PASS: ExitCode.PASS,
    Verdict.FAIL: ExitCode.FAIL,
    Verdict.UNKNOWN: ExitCode.UNKNOWN,
}
"""What a verdict is to a pipeline."""
_STYLE = {"pass": "green", "fail": "bold red", "unknown": "yellow"}
MS_PER_S = 1000
_ITS_PROBES = "  its probes"
_PERCENTILES = ("p50", "p99", "p99_9", "max")


def check_trial(path: Path) -> tuple[Trial, list[Finding]]:
    """
    Finish a trial if need be, and run every check on it; findings.json is written.

    Raises:
        TrialError: The directory is no trial, or damaged.
    """
    finalize_trial(path)
    trial = open_trial(path)
    manifest = trial.manifest
    context = TrialContext(manifest, trial.events())
    plan = build_plan(manifest.plan, f"{path}/manifest.json: plan")
    intervals = trial.intervals_table()
    findings = list(evaluate(plan.slo.to_slos(), intervals, manifest))
    drift = check_drift(intervals, manifest)
    del intervals  # the checks need the memory
    findings += check_completeness(manifest)
    checks = (*CHECKS, *installed_checks([check.name for check in CHECKS]))
    findings += run_checks(partial(read_attempts, trial), context, checks)
    findings += drift
    findings += check_capacity(trial.document("capacity.json"))
    found = add_aliases("findings", [msgspec.to_builtins(finding) for finding in findings])
    write_json(path / FINDINGS, found)
    return trial, findings


def evaluate_trial(
    path: Path, out: Console, progress: Console | None = None, *, github: bool = False
) -> ExitCode:
    """
    Check, write all reports, print the verdict table; the exit code says the verdict.

    Args:
        path: The trial directory.
        out: Where results go.
        progress: Where the current stage is shown; stderr when not given.
        github: Say failures and doubts as GitHub annotations, too.
    """
    with status("checking …", progress):
        check_trial(path)
    try:
        with status("comparing with the baseline and earlier trials …", progress):
            compare_with_baseline(path)
            compare_with_history(path)
    except UsageError as error:  # a baseline that cannot be read is no fault of the trial
        Console(stderr=True).print(f"baselines: {error}", markup=False, soft_wrap=True)
    with status("writing the reports …", progress):
        write_reports(path)
    summary: dict[str, Any] = msgspec.json.decode((path / "summary.json").read_bytes())
    print_summary(summary, out)
    out.print(f"report: {path / 'report.html'}", markup=False, highlight=False, soft_wrap=True)
    append_step_summary(path / "report.md", os.environ, sys.stderr)
    if github:
        annotate(summary, out.file)
    return EXIT_CODES[Verdict(summary["verdict"])]


def print_summary(summary: dict[str, Any], out: Console) -> None:
    """The verdict, what was done, and what was found, as tables for a terminal."""
    verdict = summary["verdict"]
    load = summary["load"]
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
        out.print("no attempt was made since the load began, so nothing can be said")


def _operations(operations: dict[str, Any]) -> Table:
    table = plain_table("response time, ms")
    # A narrow terminal folds names; a number that is cut is another number.
    table.add_column("operation", overflow="fold")
    for name in ("attempts", "per s", "ok", *[p.replace("_", ".") for p in _PERCENTILES]):
        table.add_column(name, justify="right", no_wrap=True)
    rows = []
    for name, row in sorted(operations.items()):
        # Under its operation's row a short name is enough, and keeps a terminal's width.
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
    """From a second on whole milliseconds are enough."""
    if value_ms is None:
        return "-"
    return f"{value_ms:.1f}" if value_ms < MS_PER_S else f"{value_ms:,.0f}"


def _findings(findings: list[dict[str, Any]]) -> Table:
    table = plain_table("findings")
    table.add_column("verdict")
    table.add_column("check")
    table.add_column("detail")
    for finding in findings:
        style = _STYLE[finding["verdict"]]
        texts = [Text(show_hidden(finding[part])) for part in ("name", "detail")]
        table.add_row(Text(finding["verdict"], style), *texts)
    return table
