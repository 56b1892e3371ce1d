"""``harness compare``: a release gate over two trials, or several a side."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.completion import BASELINES, complete_side, complete_trial
from harness.cli.interrupts import importing
from harness.cli.parameters import GitHub, argument, flag, value
from harness.errors import UsageError

Baseline = Annotated[
    Path, argument("BASELINE", "A trial directory, or a baseline's name.", complete_side)
]
Candidate = Annotated[Path, argument("CANDIDATE", "The trial directory to check.", complete_trial)]
More = Annotated[
    list[Path] | None,
    value("TRIAL", "One more trial of that side; repeatable.", complete=complete_side),
]


def compare(
    baseline: Baseline,
    candidate: Candidate,
    baseline_run: More = None,
    candidate_run: More = None,
    out: Annotated[
        Path | None, value("DIR", "Where compare.* goes (default: the candidate's directory).")
    ] = None,
    anyway: Annotated[
        bool, flag("--anyway", "Compare trials of different plans or hosts, too.")
    ] = False,
    show_all: Annotated[bool, flag("--all", "Print every metric, also those that passed.")] = False,
    github: GitHub = False,
) -> None:
    """Decide whether a candidate is worse than a baseline.

    Exit: 0 pass, 1 regressed, 4 inconclusive, 2 not comparable.
    """
    with importing():
        from rich.console import Console

        from harness.assess.baseline_comparison import load_sample, write_comparison
        from harness.cli.compare_view import check_comparable, print_comparison
        from harness.cli.console import print_line, status
        from harness.cli.github import annotate_comparison, append_step_summary
        from harness.exit_codes import ExitCode
        from harness.experiments.compare import comparison
        from harness.plan.file import build_plan
        from harness.trial.baselines import find_trial

    if out is not None and out.exists() and not out.is_dir():
        raise UsageError(f"--out {out}: is a file; name a directory")
    sides = [
        [find_trial(path) for path in paths]
        for paths in ((baseline, *(baseline_run or ())), (candidate, *(candidate_run or ())))
    ]
    candidate = sides[1][0]
    if out is None and candidate.parent == BASELINES:
        raise UsageError(f"{candidate} is a baseline; name a directory for the result with --out")
    with status("reading the trials …"):
        runs = [[load_sample(path) for path in paths] for paths in sides]
    cautions = check_comparable(runs, anyway=anyway)
    plan = build_plan(runs[1][0].manifest.plan, f"{candidate}/manifest.json: plan")
    with status("resampling …"):
        result = comparison.compare(
            runs[0], runs[1], plan.compare.to_tolerances(), cautions=cautions
        )
    directory = out or candidate
    write_comparison(result, directory)
    exits = {"pass": ExitCode.PASS, "regressed": ExitCode.FAIL, "inconclusive": ExitCode.UNKNOWN}
    console = Console()
    print_comparison(result, console, show_all=show_all)
    print_line(console, f"comparison: {directory / 'compare.html'}")
    append_step_summary(directory / "compare.md", os.environ, sys.stderr)
    if github:
        annotate_comparison(result, sys.stdout)
    raise typer.Exit(int(exits[result.verdict]))
