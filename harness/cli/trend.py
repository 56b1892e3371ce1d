"""``harness trend``: a plan's baselines and trials over time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.cli.completion import BASELINES, TRIALS, complete_plan
from harness.cli.interrupts import importing
from harness.cli.parameters import argument, value
from harness.errors import UsageError

PAGE = Path("trend.html")


def trend(
    plan: Annotated[str, argument("PLAN", "The plan's name.", complete_plan)] = "smoke",
    trials: Annotated[Path, value("DIR", "Where trials are.")] = TRIALS,
    baselines: Annotated[Path, value("DIR", "Where baselines are.")] = BASELINES,
    out: Annotated[Path, value("FILE", "The page; its data go to a .json beside it.")] = PAGE,
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
