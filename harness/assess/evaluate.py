"""Evaluate a trial directory: findings, comparisons, reports, verdict. Reads nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from harness.analysis.frames import read_attempts
from harness.assess.baseline_comparison import compare_with_baseline, open_baselines
from harness.assess.history import compare_with_history, plan_name
from harness.assess.opened_trial import OpenedTrial
from harness.checks.capacity import check_capacity
from harness.checks.check import TrialContext
from harness.checks.completeness import check_completeness
from harness.checks.drift import check_drift
from harness.checks.plugins import installed_checks
from harness.checks.registry import CHECKS, run_checks
from harness.checks.slo import evaluate
from harness.errors import UsageError
from harness.exit_codes import ExitCode
from harness.json_aliases import add_aliases
from harness.trial.finalize import finalize_trial
from harness.trial.store import FINDINGS, Trial, write_json
from harness.verdicts import Finding, Verdict

EXIT_CODES = {
    Verdict.PASS: ExitCode.PASS,
    Verdict.FAIL: ExitCode.FAIL,
    Verdict.UNKNOWN: ExitCode.UNKNOWN,
}
"""The exit code of each verdict."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An evaluated trial: its directory and the document of summary.json."""

    path: Path
    summary: dict[str, Any]

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the verdict."""
        return EXIT_CODES[Verdict(self.summary["verdict"])]


def check_trial(path: Path) -> tuple[Trial, list[Finding]]:
    """Run `check_opened` on a trial directory, which is finalized if need be."""
    opened = open_finalized(path)
    return opened.trial, check_opened(opened)


def open_finalized(path: Path) -> OpenedTrial:
    """Open a trial, finalized if need be; raises TrialError if absent or damaged."""
    return OpenedTrial(Trial(path, finalize_trial(path)))


def check_opened(opened: OpenedTrial) -> list[Finding]:
    """Run every check on a trial and write findings.json; raises TrialError if damaged."""
    trial, manifest, intervals = opened.trial, opened.manifest, opened.intervals
    context = TrialContext(manifest, trial.events())
    findings = list(evaluate(opened.plan.slo.to_slos(), intervals, manifest))
    findings += check_completeness(manifest)
    checks = (*CHECKS, *installed_checks([check.name for check in CHECKS]))
    findings += run_checks(partial(read_attempts, trial), context, checks)
    findings += check_drift(intervals, manifest)
    findings += check_capacity(trial.document("capacity.json"))
    found = add_aliases("findings", [msgspec.to_builtins(finding) for finding in findings])
    write_json(trial.path / FINDINGS, found)
    return findings


def evaluate_trial(path: Path, status: Callable[[str], AbstractContextManager[None]]) -> Evaluation:
    """
    Check a trial, compare it with earlier ones, and write all reports.

    ``status`` shows the current stage; raises as `open_finalized` and `check_opened`.
    """
    with status("checking …"):
        opened = open_finalized(path)
        findings = check_opened(opened)
    from reports.model import build_model  # noqa: PLC0415  Matplotlib is slow to import
    from reports.write import write_model  # noqa: PLC0415

    with status("comparing with the baseline and earlier trials …"):
        labs = _compare(opened)
    with status("writing the reports …"):
        model = build_model(opened.trial, findings, intervals=opened.intervals, labs=labs)
        write_model(path, model)
    return Evaluation(path, dict(model.summary))


def _compare(opened: OpenedTrial) -> dict[str, dict[str, Any]]:
    """Documents of the comparisons, by name; a damaged baseline does not fail the trial."""
    documents = {}
    try:
        baselines = open_baselines() if opened.manifest.state == "complete" else []
        if comparison := compare_with_baseline(opened, baselines):
            documents["compare"] = comparison.document()
        if trend := compare_with_history(opened, baselines):
            documents["trend"] = trend.document(plan_name(opened.trial))
    except UsageError as error:
        sys.stderr.write(f"baselines: {error}\n")
    return documents
