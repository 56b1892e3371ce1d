"""
The command line: the only floor that knows every other, and the only one that exits.

Results go to stdout, progress and complaints to stderr. A mistake of the operator is
one line and the right exit code (`harness.exits.Exit`), never a traceback.
"""

from __future__ import annotations

import sys

import typer

from harness.cli import doctor, run, serve, trials
from harness.errors import HarnessError
from harness.exits import Exit

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
app.command("run")(run.run)
app.command("report")(trials.report)
app.command("check")(trials.check)
app.command("serve")(serve.serve)
app.command("doctor")(doctor.doctor)


def main() -> None:
    """Entry point of ``harness``."""
    try:
        app()
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
