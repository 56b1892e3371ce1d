"""``harness doctor``: is this machine fit to measure, and is the target there?"""

from __future__ import annotations

from dataclasses import asdict

import typer

from harness.cli.interrupts import importing
from harness.cli.parameters import Json
from harness.cli.target_options import TargetOptions, takes_target


@takes_target
def doctor(target: TargetOptions, as_json: Json = False) -> None:
    """Check this machine and the target before a trial."""
    with importing():
        from rich.console import Console

        from harness.cli.console import print_json
        from harness.cli.doctor_view import (
            Diagnostic,
            diagnostics_table,
            look_at_machine,
            look_at_target,
        )
        from harness.errors import HarnessError
        from harness.exit_codes import ExitCode

    diagnostics, code = look_at_machine(), ExitCode.PASS
    try:
        diagnostics += look_at_target(target)
    except HarnessError as error:
        diagnostics.append(Diagnostic("target", "bad", str(error)))
        code = error.exit_code
    if as_json:
        print_json({"exit_code": int(code), "diagnostics": [asdict(one) for one in diagnostics]})
    else:
        Console().print(diagnostics_table(diagnostics))
    raise typer.Exit(int(code))
