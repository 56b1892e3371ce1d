"""The commands, and the Typer app that knows those which are asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from harness import __version__

COMMANDS = {
    "run": "harness.cli.run:run",
    "ratelimit": "harness.cli.ratelimit:ratelimit",
    "capacity": "harness.cli.capacity:app",
    "report": "harness.cli.report:report",
    "check": "harness.cli.report:check",
    "baseline": "harness.cli.baseline:app",
    "compare": "harness.cli.compare:compare",
    "trend": "harness.cli.trend:trend",
    "conform": "harness.cli.conform:conform",
    "serve": "harness.cli.serve:serve",
    "doctor": "harness.cli.doctor:doctor",
}
"""
Each command, and where it is: a function, or a Typer app of its own for a group.

Only the command that was asked for is imported: pandas, scipy and matplotlib take a
second, which ``harness serve`` or a mistyped option need not wait for.
"""

_EXIT_CODES = (
    "Exit: 0 pass · 1 an SLO or invariant failed · 2 usage or plan error · "
    "3 target unreachable or preflight failed · 4 unknown (nothing observed, generator "
    "saturated) · 130 interrupted (artifacts written all the same)."
)

app = typer.Typer(
    name="harness",
    help="Load-testing and reliability harness for the Opensteer Cloud API.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"opensteer-harness {__version__}")
        raise typer.Exit


@app.callback()
def _group(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Keep the command's name on the command line, also where it is the only one known."""


def register(names: list[str]) -> typer.Typer:
    """The app with these commands."""
    for name in names:
        module, attribute = COMMANDS[name].split(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app
