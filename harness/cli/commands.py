"""The commands: module, first line of help, examples."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli import VERSION
from harness.cli.lazy import Entry, LazyGroup

COMMANDS = {
    "run": Entry(
        "harness.cli.run:run",
        "Run a plan against a target and evaluate the trial.",
        (
            "harness run mixed",
            "harness run mixed --plan soak --host https://api.example.com \\",
            "    --allow-host api.example.com",
            "harness run session_churn --rate 50 --duration 30s \\",
            "    --fault response-lost:probability=0.05",
        ),
    ),
    "ratelimit": Entry(
        "harness.cli.ratelimit:ratelimit",
        "Measure the rate limiter: algorithm, rate, burst, Retry-After.",
        ("harness ratelimit", "harness ratelimit --operation get_run --max-attempts 500"),
    ),
    "capacity": Entry(
        "harness.cli.capacity:app",
        "Find how many sessions fit and what rate holds the SLO.",
    ),
    "report": Entry(
        "harness.cli.report:report",
        "Evaluate a trial again and write its reports; needs no server.",
        ("harness report trials/latest",),
    ),
    "check": Entry(
        "harness.cli.report:check",
        "Run the checks of a trial again; needs no server.",
        ("harness check trials/latest", "harness check trials/latest --json"),
    ),
    "baseline": Entry("harness.cli.baseline:app", "Keep trials to compare with."),
    "compare": Entry(
        "harness.cli.compare:compare",
        "Decide whether a candidate is worse than a baseline.",
        (
            "harness compare main trials/latest",
            "harness compare main trials/one --candidate-run trials/two --all",
        ),
    ),
    "trend": Entry(
        "harness.cli.trend:trend",
        "Draw the trials of a plan over time and find level changes.",
        ("harness trend smoke", "harness trend soak --by pelt --out soak.html"),
    ),
    "conform": Entry(
        "harness.cli.conform:conform",
        "Check a target against the documented API.",
        (
            "harness conform --list",
            "harness conform --host http://127.0.0.1:8787 --destructive --only 'cache.*'",
        ),
    ),
    "serve": Entry(
        "harness.cli.serve:serve",
        "Serve the stand-in API on loopback until Ctrl-C.",
        (
            "harness serve --rate 50 --burst 20",
            "harness serve --latency 'lognormal(20ms,0.5)' --lie executes-twice=0.1",
        ),
    ),
    "doctor": Entry(
        "harness.cli.doctor:doctor",
        "Check this machine and the target before a trial.",
        ("harness doctor", "harness doctor --host http://127.0.0.1:8787 --json"),
    ),
}
"""Every command, in the order of the help; without importing what the commands need."""

_EXIT_CODES = """\b
Exit codes:
  0    pass
  1    an SLO or invariant failed
  2    usage or plan error
  3    target unreachable or preflight failed
  4    unknown (nothing observed, generator saturated)
  130  interrupted (artifacts are written)"""


class Commands(LazyGroup):
    """The commands of ``harness``."""

    entries = COMMANDS


app = typer.Typer(
    name="harness",
    cls=Commands,
    help="Load-testing and reliability harness for the Opensteer Cloud API.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(VERSION)
        raise typer.Exit


@app.callback()
def _group(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Take the options before a command."""
