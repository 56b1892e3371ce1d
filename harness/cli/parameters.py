"""Options and arguments that several commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.completion import (
    complete_baseline,
    complete_plan,
    complete_scenario,
    complete_trial,
)

Scenario = Annotated[
    str,
    typer.Argument(
        metavar="SCENARIO",
        help="A name in scenarios/, or a path.",
        autocompletion=complete_scenario,
    ),
]
PlanName = Annotated[
    str,
    typer.Option(
        metavar="PLAN",
        envvar="HARNESS_PLAN",
        help="A plan's name or a .toml file.",
        autocompletion=complete_plan,
    ),
]
TrialPath = Annotated[
    Path,
    typer.Argument(
        metavar="TRIAL",
        help="A trial directory, such as trials/latest.",
        autocompletion=complete_trial,
    ),
]
TrialOut = Annotated[Path | None, typer.Option(metavar="DIR", help="The trial directory itself.")]
BaselineName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="The baseline's name.", autocompletion=complete_baseline),
]
BaselineRoot = Annotated[
    Path, typer.Option("--dir", metavar="DIR", help="Where baselines are kept.")
]
Seed = Annotated[int, typer.Option(min=0, metavar="N", help="Seed of everything random.")]
GitHub = Annotated[
    bool, typer.Option("--github", help="Also write GitHub annotations of what failed.")
]
Prometheus = Annotated[
    str | None,
    typer.Option("--prometheus", metavar="[HOST:]PORT", help="Serve live metrics there."),
]
Otlp = Annotated[
    str | None,
    typer.Option("--otlp", metavar="URL", help="Send live metrics there (OTLP over HTTP)."),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show no progress on stderr, only the result.")
]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON document instead of tables.")]
