"""``harness doctor``: check this machine and the target."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from harness.cli.interrupts import importing
from harness.cli.parameters import Json
from harness.cli.target_options import TargetOptions, takes_target

if TYPE_CHECKING:
    from rich.table import Table

    from harness.execution.doctor import Diagnostic


@takes_target
def doctor(target: TargetOptions, as_json: Json = False) -> None:
    """Check this machine and the target before a trial."""
    with importing():
        from rich.console import Console

        from harness.cli.console import print_json
        from harness.errors import HarnessError
        from harness.execution.doctor import Diagnostic, diagnose_machine, diagnose_target
        from harness.exit_codes import ExitCode

    diagnostics, code = diagnose_machine(), ExitCode.PASS
    try:
        transport_options, key = target.transport_options, target.read_key()
        diagnostics += diagnose_target(target.check_host(), key, transport_options)
    except HarnessError as error:
        diagnostics.append(Diagnostic("target", "bad", str(error)))
        code = error.exit_code
    if as_json:
        print_json({"exit_code": int(code), "diagnostics": [asdict(one) for one in diagnostics]})
    else:
        Console().print(_table(diagnostics))
    raise typer.Exit(int(code))


def _table(diagnostics: list[Diagnostic]) -> Table:
    from rich.text import Text

    from harness.cli.console import plain_table

    styles = {"ok": "green", "warn": "yellow", "bad": "bold red"}
    table = plain_table("harness doctor", "what", "state", "detail")
    for one in diagnostics:
        table.add_row(one.name, Text(one.state, styles[one.state]), Text(one.detail))
    return table
