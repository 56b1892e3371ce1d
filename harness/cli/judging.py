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

from harness.analysis.frames import observe
from harness.analysis.probes import PREFIX
from harness.checks.capacity import judge_capacity
from harness.checks.check import Context
from harness.checks.complete import missing_record
from harness.checks.drift import judge_drift
from harness.checks.registry import run_checks
from harness.checks.slo import evaluate
from harness.cli.against import compare_with_baseline
from harness.cli.pipeline import annotate, append_step_summary
from harness.cli.plain import plain_table
from harness.cli.stages import stage
from harness.cli.standing import place_in_trend
from harness.errors import UsageError
from harness.exits import Exit
from harness.load.plan_file import build_plan
from harness.text import show_hidden
from harness.trial.finish import finish_trial
from harness.trial.store import FINDINGS, Trial, open_trial, write_json
from harness.verdicts import Finding, Verdict
from reports.write import write_reports

EXITS = {Verdict.PASS: Exit.PASS, Verdict.FAIL: Exit.FAIL, Verdict.UNKNOWN: Exit.UNKNOWN}
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
    finish_trial(path)
    trial = open_trial(path)
    manifest = trial.manifest
    context = Context(manifest, trial.events())
    plan = build_plan(manifest.plan, f"{path}/manifest.json: plan")
    intervals = trial.intervals_table()
    findings = list(evaluate(plan.slo.to_slos(), intervals, manifest))
    drift = judge_drift(intervals, manifest)
    del intervals  # the checks need the memory
    findings += missing_record(manifest)
    findings += run_checks(partial(observe, trial), context)
    findings += drift
    findings += judge_capacity(trial.document("capacity.json"))
    write_json(path / FINDINGS, [msgspec.to_builtins(finding) for finding in findings])
    return trial, findings


def judge_trial(
    path: Path, out: Console, progress: Console | None = None, *, github: bool = False
) -> Exit:
    """
    Check, write all reports, print the verdict table; the exit code says the verdict.

    Args:
        path: The trial directory.
        out: Where results go.
        progress: Where the current stage is shown; stderr when not given.
        github: Say failures and doubts as GitHub annotations, too.
    """
    with stage("checking …", progress):
        check_trial(path)
    try:
        with stage("comparing with the baseline and earlier trials …", progress):
            compare_with_baseline(path)
            place_in_trend(path)
    except UsageError as error:  # a baseline that cannot be read is no fault of the trial
        Console(stderr=True).print(f"baselines: {error}", markup=False, soft_wrap=True)
    with stage("writing the reports …", progress):
        write_reports(path)
    summary: dict[str, Any] = msgspec.json.decode((path / "summary.json").read_bytes())
    print_summary(summary, out)
    out.print(f"report: {path / 'report.html'}", markup=False, highlight=False, soft_wrap=True)
    append_step_summary(path / "report.md", os.environ, sys.stderr)
    if github:
        annotate(summary, out.file)
    return EXITS[Verdict(summary["verdict"])]


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
        probes = _ITS_PROBES if row["load"]["attempts"] else f"{PREFIX}{name}"
        rows.append((name, row["load"], row["response_ms"]))
        rows.append((probes, row["probes"], row["probes"]["response_ms"]))
    for name, amount, times in rows:
        if amount["attempts"]:
            cells = [_ms(times[p]) for p in _PERCENTILES]
            told = (f"{amount['attempts']:,}", f"{amount['attempts_per_s']:,.1f}")
            table.add_row(name, *told, f"{amount['outcomes'].get('ok', 0):,}", *cells)
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
