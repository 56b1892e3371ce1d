"""``harness report`` and ``harness check``: evaluate an old trial again."""

from __future__ import annotations

import typer

from harness.cli.interrupts import importing
from harness.cli.parameters import GitHub, Json, Quiet, TrialPath


def report(trial: TrialPath, github: GitHub = False, quiet: Quiet = False) -> None:
    """Evaluate a trial again and write its reports; needs no server.

    A trial that was cut off is finished from its parts first.
    """
    with importing():
        from rich.console import Console

        from harness.assess.evaluate import evaluate_trial

    progress = Console(stderr=True, quiet=quiet)
    raise typer.Exit(int(evaluate_trial(trial, Console(), progress, github=github)))


def check(trial: TrialPath, as_json: Json = False, quiet: Quiet = False) -> None:
    """Run the checks of a trial again; needs no server."""
    with importing():
        from rich.console import Console

        from harness.analysis.summary import summarize
        from harness.assess.evaluate import EXIT_CODES, check_trial, print_summary
        from harness.cli.console import print_json, status
        from harness.verdicts import Verdict

    with status("checking …", Console(stderr=True, quiet=quiet)):
        opened, findings = check_trial(trial)
        summary = summarize(opened, findings)
    if as_json:
        print_json(summary)
    else:
        print_summary(summary, Console())
    raise typer.Exit(int(EXIT_CODES[Verdict(summary["verdict"])]))
