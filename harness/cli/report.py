"""``harness report`` and ``harness check``: say again what an old trial says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.analysis.summary import summarize
from harness.assess.evaluate import EXIT_CODES, check_trial, evaluate_trial, print_summary
from harness.cli.overrides import GitHub
from harness.verdicts import Verdict

TrialPath = Annotated[
    Path, typer.Argument(metavar="TRIAL", help="A trial directory, such as trials/latest.")
]


def report(trial: TrialPath, github: GitHub = False) -> None:
    """Write all reports of a trial anew; needs no server.

    A trial that was cut off is finished from its parts first.
    """
    raise typer.Exit(int(evaluate_trial(trial, Console(), github=github)))


def check(trial: TrialPath) -> None:
    """Run the checks of a trial anew and print what they find; needs no server."""
    opened, findings = check_trial(trial)
    summary = summarize(opened, findings)
    print_summary(summary, Console())
    raise typer.Exit(int(EXIT_CODES[Verdict(summary["verdict"])]))
