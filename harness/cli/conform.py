"""``harness conform``: does a target do what the API's documentation states?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.cli.interrupts import importing
from harness.cli.target_options import TargetOptions, takes_target
from harness.errors import UsageError

FILL_MAX = 10_000


@takes_target
def conform(
    target: TargetOptions,
    destructive: Annotated[
        bool,
        typer.Option(
            "--destructive",
            help="Also open sessions, queue runs, import entries, meet the rate limit.",
        ),
    ] = False,
    ours: Annotated[
        bool,
        typer.Option("--ours", help="Also check what only the stand-in promises."),
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A check, or a pattern such as 'auth.*'."),
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="List the checks, and send nothing.")
    ] = False,
    format_: Annotated[
        Literal["tap", "junit"], typer.Option("--format", help="Format of the result.")
    ] = "tap",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the result here instead of stdout."),
    ] = None,
    fill: Annotated[
        int, typer.Option(metavar="N", help="Open up to N sessions to find the target full.")
    ] = 0,
    webhook_url: Annotated[
        str, typer.Option(metavar="URL", help="Where the target reaches our webhook receiver.")
    ] = "",
    webhook_listen: Annotated[
        str, typer.Option(metavar="[HOST:]PORT", help="Where that receiver listens.")
    ] = "",
    patience: Annotated[
        float, typer.Option(metavar="S", help="How long to wait for a run or a webhook.")
    ] = 60.0,
) -> None:
    """Check a target against the documented API.

    Checks that leave something behind run only with --destructive.
    """
    if not 0 < patience <= 3600:
        raise UsageError(f"--patience {patience:g}: seconds, above 0 and 3600 at most")
    if not 0 <= fill <= FILL_MAX:
        raise UsageError(f"--fill {fill}: sessions, from 0 to {FILL_MAX:,}")
    with importing():
        from harness.cli import conform_run as checks
        from harness.cli import target as targets
        from harness.exits import Exit
        from harness.trial.store import write_bytes
        from reports.conformance import render_junit, render_tap

    receiver = checks.read_receiver(webhook_url, webhook_listen)
    wire = target.wire
    chosen = checks.choose(only or [])
    if list_:
        checks.print_checks(chosen)
        return
    key = target.read_key()
    sitting = checks.Sitting(
        patience, fill, receiver, wire.transport, destructive=destructive, ours=ours
    )
    if host := target.check_host():
        found = checks.sit(wire.to_target(host, key), chosen, sitting)
    else:
        with targets.embedded(checks.STANDIN) as standin:
            found = checks.sit(wire.to_target(standin.url, key), chosen, sitting)
    text = render_tap(found) if format_ == "tap" else render_junit(found, host or "stand-in")
    if out is None:
        print(text, end="")
    else:
        write_bytes(out, text.encode())
    failed = any(seen.verdict == "fail" for seen in found)
    raise typer.Exit(int(Exit.FAIL if failed else Exit.PASS))
