"""``harness trend``: a plan's baselines and trials over time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from harness.cli.stages import stage
from harness.cli.standing import alike
from harness.errors import NothingObservedError
from harness.experiments.compare.sides import Run
from harness.experiments.compare.trend import build_trend
from harness.load.plan_file import build_plan
from harness.trial.baselines import BASELINES, find_baselines
from harness.trial.store import (
    INTERVALS_FILE,
    MANIFEST,
    Trial,
    open_trial,
    write_bytes,
    write_json,
)
from reports.comparison import trend_page


def trend(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="The plan's name.")] = "smoke",
    trials: Annotated[Path, typer.Option(help="Where trials are.")] = Path("trials"),
    baselines: Annotated[Path, typer.Option(help="Where baselines are.")] = BASELINES,
    out: Annotated[
        Path, typer.Option(help="The page; its figures go beside it, as .json.")
    ] = Path("trend.html"),
) -> None:
    """Draw a plan's baselines and trials over time, and tell where levels changed for good."""
    found = [*find_baselines(baselines), *_trials(trials)]
    named = {
        trial.manifest.trial_id: trial
        for trial in reversed(found)  # a trial that is kept goes by its baseline's name
        if trial.manifest.plan.get("name", "unnamed") == plan
        and trial.manifest.state == "complete"
    }
    ordered = sorted(named.values(), key=lambda trial: trial.manifest.started_ns)
    if not ordered:
        raise NothingObservedError(
            f"no finished trial of plan {plan!r} in {baselines}, {trials}"
        )
    newest = ordered[-1].manifest
    kept = [*alike(ordered, newest)]
    thresholds = build_plan(newest.plan, f"{plan}: plan").compare.to_thresholds()
    points = [(t.path.name, Run(t.manifest, t.intervals_table())) for t in kept]
    with stage(f"reading {len(kept)} trials …"):
        result = build_trend(points, thresholds)
    write_bytes(out, trend_page.render(plan, result).encode())
    write_json(out.with_suffix(".json"), result.document(plan))
    console = Console()
    console.print(Text(trend_page.headline(result)))
    for row in trend_page.shifts_table(result).rows:
        console.print(Text(f"  {row[0]} {row[1]}: {row[5]:+} % from {row[2]} on"))
    if left := len(ordered) - len(kept):
        console.print(Text(f"{left} trials with another scenario, host or load are left out"))
    console.print(f"trend: {out}", markup=False, highlight=False, soft_wrap=True)


def _trials(root: Path) -> list[Trial]:
    if not root.is_dir():
        return []
    files = (MANIFEST, INTERVALS_FILE)
    return [
        open_trial(path)
        for path in sorted(root.iterdir())
        if not path.is_symlink() and all((path / name).exists() for name in files)
    ]
