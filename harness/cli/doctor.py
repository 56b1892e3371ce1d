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

        from harness.cli.doctor_view import (
            Remark,
            look_at_machine,
            look_at_target,
            remarks_table,
        )
        from harness.cli.plain import print_json
        from harness.errors import HarnessError
        from harness.exits import Exit

    remarks, code = look_at_machine(), Exit.PASS
    try:
        remarks += look_at_target(target)
    except HarnessError as error:
        remarks.append(Remark("target", "bad", str(error)))
        code = error.exit_code
    if as_json:
        print_json({"exit_code": int(code), "remarks": [asdict(one) for one in remarks]})
    else:
        Console().print(remarks_table(remarks))
    raise typer.Exit(int(code))
