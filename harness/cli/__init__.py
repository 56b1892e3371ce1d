"""
The command line: the only floor that knows every other, and the only one that exits.

Results go to stdout, progress and complaints to stderr. A mistake of the operator is
one line and the right exit code (`harness.exits.Exit`), never a traceback.
"""

from __future__ import annotations

import signal
import sys
from importlib import import_module

import typer

from harness.errors import HarnessError
from harness.exits import Exit

COMMANDS = {
    "run": "harness.cli.run:run",
    "ratelimit": "harness.cli.ratelimit:ratelimit",
    "capacity": "harness.cli.capacity:app",
    "report": "harness.cli.trials:report",
    "check": "harness.cli.trials:check",
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

_EXITS = (
    "Exit: 0 pass · 1 an SLO or invariant failed · 2 usage or plan error · "
    "3 target unreachable or preflight failed · 4 unknown (nothing observed, generator "
    "saturated) · 130 interrupted (artifacts written all the same)."
)

app = typer.Typer(
    name="harness",
    help="Load-testing and reliability harness for the Opensteer Cloud API.",
    epilog=_EXITS,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _group() -> None:
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


def main() -> None:
    """Entry point of ``harness``."""
    # What ends an ordinary process in the middle ends ours in order, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    asked = [name for name in sys.argv[1:2] if name in COMMANDS]
    try:
        register(asked or list(COMMANDS))()
    except HarnessError as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"harness: {line}\n")
        sys.exit(int(error.exit_code))
    except KeyboardInterrupt:
        sys.exit(int(Exit.INTERRUPTED))
    except OSError as error:
        # A full disk, a folder that cannot be written: the operator's world, not a bug.
        sys.stderr.write(f"harness: {error}\n")
        sys.exit(int(Exit.USAGE))
