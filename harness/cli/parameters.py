"""Options and arguments that several commands share, each declared once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.completion import (
    complete_baseline,
    complete_plan,
    complete_scenario,
    complete_trial,
)

Complete = Callable[[str], list[str]] | None


def value(
    metavar: str,
    text: str,
    low: float | None = None,
    high: float | None = None,
    *,
    complete: Complete = None,
    env: str | None = None,
) -> Any:
    """Declare an option with a value: ``--name METAVAR  text``, from ``low`` to ``high``."""
    return typer.Option(
        metavar=metavar, help=text, min=low, max=high, autocompletion=complete, envvar=env
    )


def argument(metavar: str, text: str, complete: Complete) -> Any:
    """Declare an argument that the shell completes."""
    return typer.Argument(metavar=metavar, help=text, autocompletion=complete)


def flag(name: str, text: str, *short: str) -> Any:
    """Declare an option without a value."""
    return typer.Option(name, *short, help=text)


Scenario = Annotated[
    str, argument("SCENARIO", "A name in scenarios/, or a path.", complete_scenario)
]
PlanName = Annotated[
    str,
    value("PLAN", "A plan's name or a .toml file.", complete=complete_plan, env="HARNESS_PLAN"),
]
TrialPath = Annotated[
    Path, argument("TRIAL", "A trial directory, such as trials/latest.", complete_trial)
]
TrialOut = Annotated[Path | None, value("DIR", "The trial directory itself.")]
BaselineName = Annotated[str, argument("NAME", "The baseline's name.", complete_baseline)]
BaselineRoot = Annotated[
    Path, typer.Option("--dir", metavar="DIR", help="Where baselines are kept.")
]
Seed = Annotated[int, value("N", "Seed of everything random.", 0)]
GitHub = Annotated[bool, flag("--github", "Also write GitHub annotations of what failed.")]
Prometheus = Annotated[str | None, value("[HOST:]PORT", "Serve live metrics there.")]
Otlp = Annotated[str | None, value("URL", "Send live metrics there (OTLP over HTTP).")]
Quiet = Annotated[bool, flag("--quiet", "Show no progress on stderr, only the result.", "-q")]
Json = Annotated[bool, flag("--json", "Print a JSON document instead of tables.")]
