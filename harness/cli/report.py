"""``harness report`` and ``harness check``: evaluate an old trial again."""

from __future__ import annotations

from functools import partial

import typer

from harness.cli.interrupts import importing
from harness.cli.parameters import GitHub, Json, Quiet, TrialPath


def report(trial: TrialPath, github: GitHub = False, quiet: Quiet = False) -> None:
    """Evaluate a trial again and write its reports; needs no server.

    A trial that was interrupted is completed from its parts first.
    """
    with importing():
        from rich.console import Console

        from harness.assess.evaluate import evaluate_trial
        from harness.cli.console import status
        from harness.cli.summary_view import print_evaluation

    evaluation = evaluate_trial(trial, partial(status, console=Console(stderr=True, quiet=quiet)))
    print_evaluation(evaluation, Console(), github=github)
    raise typer.Exit(int(evaluation.exit_code))


def check(trial: TrialPath, as_json: Json = False, quiet: Quiet = False) -> None:
    """Run the checks of a trial again; needs no server."""
    with importing():
        from rich.console import Console

        from harness.analysis.summary import summarize
        from harness.assess.evaluate import Evaluation, check_opened, open_finalized
        from harness.cli.console import print_json, status
        from harness.cli.summary_view import print_summary

    with status("checking …", Console(stderr=True, quiet=quiet)):
        opened = open_finalized(trial)
        findings = check_opened(opened)
        summary = summarize(opened.trial, findings, intervals=opened.intervals)
    if as_json:
        print_json(summary)
    else:
        print_summary(summary, Console())
    raise typer.Exit(int(Evaluation(trial, summary).exit_code))
