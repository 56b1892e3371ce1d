"""``harness trend``: a plan's baselines and trials over time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.cli.completion import BASELINES, TRIALS, complete_plan
from harness.cli.interrupts import importing
from harness.errors import UsageError


def trend(
    plan: Annotated[
        str,
        typer.Argument(metavar="PLAN", help="The plan's name.", autocompletion=complete_plan),
    ] = "smoke",
    trials: Annotated[Path, typer.Option(metavar="DIR", help="Where trials are.")] = TRIALS,
    baselines: Annotated[
        Path, typer.Option(metavar="DIR", help="Where baselines are.")
    ] = BASELINES,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The page; its figures go to a .json beside.")
    ] = Path("trend.html"),
    by: Annotated[
        Literal["auto", "otava", "pelt"],
        typer.Option(help="What finds changes; auto is otava where it is installed."),
    ] = "auto",
) -> None:
    """Draw the trials of a plan over time and find level changes."""
    if out.suffix == ".json":
        raise UsageError(f"--out {out}: name the page, such as trend.html")
    with importing():
        from harness.cli.trend_view import draw_trend

    draw_trend(plan, trials, baselines, out, by)
