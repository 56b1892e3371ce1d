"""``harness conform``: check a target against the documented API."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from harness.cli.interrupts import importing
from harness.cli.parameters import flag, value
from harness.cli.target_options import TargetOptions, takes_target
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.conformance.case import CaseResult, ConformanceCase

FILL_MAX = 10_000
_MARKS = {"pass": "[green]pass[/]", "fail": "[bold red]FAIL[/]", "skip": "[yellow]skip[/]"}


@takes_target
def conform(
    target: TargetOptions,
    destructive: Annotated[
        bool,
        flag(
            "--destructive", "Also open sessions, queue runs, import entries, meet the rate limit."
        ),
    ] = False,
    ours: Annotated[bool, flag("--ours", "Also check what only the stand-in promises.")] = False,
    only: Annotated[
        list[str] | None, value("NAME", "A check, or a pattern such as 'auth.*'.")
    ] = None,
    list_: Annotated[bool, flag("--list", "List the checks, and send nothing.")] = False,
    format_: Annotated[
        Literal["tap", "junit"], typer.Option("--format", help="Format of the result.")
    ] = "tap",
    out: Annotated[Path | None, value("FILE", "Write the result here instead of stdout.")] = None,
    fill: Annotated[int, value("N", "Open up to N sessions to find the target full.")] = 0,
    webhook_url: Annotated[
        str, value("URL", "Where the target reaches our webhook receiver.")
    ] = "",
    webhook_listen: Annotated[str, value("[HOST:]PORT", "Where that receiver listens.")] = "",
    patience: Annotated[float, value("S", "How long to wait for a run or a webhook.")] = 60.0,
) -> None:
    """Check a target against the documented API.

    Checks that leave something behind run only with --destructive.
    """
    if not 0 < patience <= 3600:
        raise UsageError(f"--patience {patience:g}: seconds, above 0 and 3600 at most")
    if not 0 <= fill <= FILL_MAX:
        raise UsageError(f"--fill {fill}: sessions, from 0 to {FILL_MAX:,}")
    with importing():
        from rich.console import Console

        from harness.execution import conformance
        from harness.exit_codes import ExitCode
        from harness.trial.store import write_atomically
        from reports.conformance import render_junit, render_tap

    inbox_address = conformance.parse_inbox_address(webhook_url, webhook_listen)
    transport_options = target.transport_options
    chosen = conformance.select_cases(only or [])
    if list_:
        _print_cases(chosen)
        return
    run = conformance.ConformanceRun(
        patience,
        fill,
        inbox_address,
        transport_options.transport,
        destructive=destructive,
        ours=ours,
    )
    key, host = target.read_key(), target.check_host()
    progress = Console(stderr=True, highlight=False)

    def show(result: CaseResult) -> None:
        progress.print(f"{_MARKS[result.verdict]}  {result.case.name}", end="")
        progress.print(f"  {result.detail}" if result.detail else "", markup=False)

    found = conformance.run_cases(
        transport_options, host, key, chosen, run, show, partial(progress.print, markup=False)
    )
    text = render_tap(found) if format_ == "tap" else render_junit(found, host or "stand-in")
    if out is None:
        print(text, end="")
    else:
        write_atomically(out, text.encode())
    failed = any(result.verdict == "fail" for result in found)
    raise typer.Exit(int(ExitCode.FAIL if failed else ExitCode.PASS))


def _print_cases(cases: list[ConformanceCase]) -> None:
    """Print each statement, and whether it is destructive."""
    width = max(len(case.name) for case in cases)
    for case in cases:
        mark = "destructive" if case.destructive else "-"
        print(f"{case.name:<{width}}  {case.source:<6}  {mark:<11}  {case.statement}")
