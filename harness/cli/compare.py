"""``harness compare``: a release gate over two trials, or several a side."""

from __future__ import annotations

import os
import sys
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.assess.baseline_comparison import load_identity, load_sample, write_comparison
from harness.cli.console import status
from harness.cli.github import annotate_comparison, append_step_summary
from harness.cli.overrides import GitHub
from harness.errors import UsageError
from harness.exit_codes import ExitCode
from harness.experiments.compare.changes import Change, Comparison
from harness.experiments.compare.comparison import compare as compare_sides
from harness.experiments.compare.plan_diff import diff_documents
from harness.experiments.compare.samples import TrialSample
from harness.plan.file import build_plan
from harness.trial.baselines import BASELINES, find_trial
from harness.trial.schema import Manifest
from reports.comparison import tables
from reports.comparison.summary import headline, percent_change
from reports.formatting import plural

_EXIT_CODES = {
    "pass": ExitCode.PASS,
    "regressed": ExitCode.FAIL,
    "inconclusive": ExitCode.UNKNOWN,
}
_STYLE = {"pass": "green", "regressed": "bold red", "inconclusive": "yellow"}
_SHOWN_MAX = 40

_REASONS_MAX = 5

Baseline = Annotated[
    Path, typer.Argument(metavar="BASELINE", help="A trial directory, or a baseline's name.")
]
Candidate = Annotated[
    Path, typer.Argument(metavar="CANDIDATE", help="The trial directory to judge.")
]
More = Annotated[
    list[Path] | None,
    typer.Option(metavar="TRIAL", help="One more run of that side; may be repeated."),
]


def compare(
    baseline: Baseline,
    candidate: Candidate,
    baseline_run: More = None,
    candidate_run: More = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Where compare.json, .html and .md go; the candidate's directory."),
    ] = None,
    anyway: Annotated[
        bool,
        typer.Option("--anyway", help="Also trials of different plans or hosts, or one twice."),
    ] = False,
    show_all: Annotated[
        bool, typer.Option("--all", help="Print every metric, also those that passed.")
    ] = False,
    github: GitHub = False,
) -> None:
    """Tell whether the candidate is worse than the baseline.

    Exit: 0 pass, 1 regressed, 4 inconclusive, 2 not comparable.
    """
    if out is not None and out.exists() and not out.is_dir():
        raise UsageError(f"--out {out}: is a file; name a directory")
    sides = [
        [find_trial(path) for path in paths]
        for paths in ((baseline, *(baseline_run or ())), (candidate, *(candidate_run or ())))
    ]
    candidate = sides[1][0]
    if out is None and candidate.parent == BASELINES:
        raise UsageError(f"{candidate} is a baseline; say with --out where the answer goes")
    with status("reading the trials …"):
        runs = [[load_sample(path) for path in paths] for paths in sides]
    cautions = _find_cautions(runs, anyway=anyway)
    plan = build_plan(runs[1][0].manifest.plan, f"{candidate}/manifest.json: plan")
    with status("resampling …"):
        result = compare_sides(runs[0], runs[1], plan.compare.to_tolerances(), cautions=cautions)
    directory = out or candidate
    write_comparison(result, directory)
    console = Console()
    print_comparison(result, console, show_all=show_all)
    where = str(directory / "compare.html")
    console.print(f"comparison: {where}", markup=False, highlight=False, soft_wrap=True)
    append_step_summary(directory / "compare.md", os.environ, sys.stderr)
    if github:
        annotate_comparison(result, sys.stdout)
    raise typer.Exit(int(_EXIT_CODES[result.verdict]))


def _find_cautions(runs: list[list[TrialSample]], *, anyway: bool) -> list[str]:
    """Cautions; raises where trials differ and the operator did not say ``--anyway``."""
    first, *others = [run.manifest for side in runs for run in side]
    same = load_identity(first)
    cautions = []
    for other in others:
        found = [
            f"{line} ({other.trial_id})" for line in diff_documents(same, load_identity(other))
        ]
        if found and not anyway:
            text = "\n".join(f"  {line}" for line in found)
            raise UsageError(
                f"{first.trial_id} and {other.trial_id} are not comparable; "
                f"add --anyway to compare them all the same\n{text}"
            )
        cautions += found
    for twice in _repeated([first, *others]):
        line = f"{twice} is given twice, and tells nothing that it does not tell once"
        if not anyway:
            raise UsageError(f"{line}; add --anyway to compare all the same")
        cautions.append(line)
    for manifest in (first, *others):
        if manifest.state != "complete":
            cautions.append(f"{manifest.trial_id} is {manifest.state}")
        lost = sum(worker.state != "drained" for worker in manifest.workers)
        if lost:
            cautions.append(f"{manifest.trial_id} lost {lost} of its load processes")
    return cautions


def _repeated(manifests: list[Manifest]) -> list[str]:
    """The trials that are given more than once, as themselves or as a baseline of them."""
    counts = Counter(manifest.trial_id for manifest in manifests)
    return [trial_id for trial_id, count in counts.items() if count > 1]


def print_comparison(result: Comparison, out: Console, *, show_all: bool) -> None:
    """The verdict and what led to it, as a table for a terminal."""
    out.print(
        Text.assemble(
            ("verdict: ", "bold"),
            (result.verdict, _STYLE[result.verdict]),
            f"   {headline(result)}",
        )
    )
    for caution in result.cautions:
        out.print(Text(f"mind: {caution}", "yellow"))
    shown = [c for c in tables.by_severity(result) if show_all or c.verdict != "pass"]
    if not shown:
        return
    out.print(_table(shown if show_all else shown[:_SHOWN_MAX]))
    left = len(result.changes) - (len(shown) if show_all else min(len(shown), _SHOWN_MAX))
    for line in _reasons(shown):
        out.print(Text(line), soft_wrap=True)
    if left:
        text = plural(left, "more metric")
        out.print(Text(f"{text}: add --all, or see the page", "dim"))


def _reasons(changes: list[Change]) -> list[str]:
    """Why metrics cannot be told, each reason once, those of most metrics first."""
    open_ = (change for change in changes if change.verdict == "inconclusive")
    reasons = Counter(tables.reason_text(change) for change in open_).most_common()
    lines = [f"{plural(count, 'metric')}: {why}" for why, count in reasons[:_REASONS_MAX] if why]
    left = len(reasons) - _REASONS_MAX
    return [*lines, f"{plural(left, 'other reason')}: see the page"] if left > 0 else lines


def _table(changes: list[Change]) -> Table:
    """Rows in groups of one verdict and operation; it fits 80 columns."""
    table = Table(
        title="change of each metric with its 95 % interval",
        title_justify="left",
        title_style="dim",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("metric", no_wrap=True)
    for name in ("baseline", "candidate", "change", "from", "to"):
        table.add_column(name, justify="right", no_wrap=True)
    for (operation, verdict), group in groupby(changes, lambda c: (c.operation, c.verdict)):
        table.add_row(Text(operation), Text(verdict, _STYLE[verdict]))
        for change in group:
            numbers = (change.change, change.low, change.high)
            table.add_row(
                Text(f"  {change.metric}"),
                tables.format_value(change, change.baseline),
                tables.format_value(change, change.candidate),
                *(percent_change(change, number) for number in numbers),
            )
    return table
