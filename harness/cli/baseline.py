"""``harness baseline``: trials kept to compare with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from harness.analysis.distributions import PERCENTILES, latencies, measured_phases
from harness.cli.console import plain_table
from harness.cli.report import TrialPath
from harness.errors import TrialError
from harness.experiments.compare.samples import TrialSample
from harness.trial.baselines import BASELINES, find_baseline, read_baselines, save_baseline
from harness.trial.store import Trial, open_trial
from harness.units import NS_PER_S

app = typer.Typer(help="Trials kept to compare with.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The baseline's name.")]
Root = Annotated[Path, typer.Option("--dir", help="Where baselines are kept.")]


@app.command()
def save(name: Name, trial: TrialPath, root: Root = BASELINES) -> None:
    """Keep a trial's histograms and manifest under a name, small enough for git."""
    kept_trial = open_trial(trial)
    path = save_baseline(kept_trial, name, measured_phases(kept_trial.manifest), root)
    kilobytes = sum(file.stat().st_size for file in path.iterdir()) / 1000
    Console().print(f"{path} ({kilobytes:,.0f} kB)", markup=False, highlight=False)


@app.command("list")
def list_(root: Root = BASELINES) -> None:
    """List all baselines, oldest first."""
    found, damaged = read_baselines(root)
    if found:
        table = plain_table()
        for heading in ("baseline", "plan", "scenario", "host", "measured", "began"):
            table.add_column(heading, no_wrap=heading in {"measured", "began"}, overflow="fold")
        for trial in found:
            table.add_row(*map(Text, _row(trial)))
        Console().print(table)
    elif not damaged:
        Console().print(f"no baselines in {root}; keep one with `harness baseline save`")
    if damaged:
        raise TrialError("\n".join(map(str, damaged)))


@app.command()
def show(name: Name, root: Root = BASELINES) -> None:
    """Show what a baseline holds: good answers and response times by operation."""
    trial = open_trial(find_baseline(name, root))
    console = Console()
    headings = ("baseline", "plan", "scenario", "host", "measured", "began")
    for heading, cell in zip(headings, _row(trial), strict=True):
        console.print(Text(f"{heading:9} {cell}"))
    console.print(Text(f"trial     {trial.manifest.trial_id}"))
    measured = latencies(trial.intervals_table(), measured_phases(trial.manifest))
    table = plain_table("response time, ms")
    table.add_column("operation")
    for heading in ("ok", *(p.replace("_", ".") for p in PERCENTILES), "max"):
        table.add_column(heading, justify="right")
    for (operation, metric), distribution in measured.distributions.items():
        if metric == "response":
            summary = distribution.describe_ms()
            cells = [f"{summary[p]:.1f}" for p in (*PERCENTILES, "max")]
            table.add_row(Text(operation), f"{distribution.total:,}", *cells)
    console.print(table)


def _row(trial: Trial) -> tuple[str, ...]:
    manifest = trial.manifest
    began = datetime.fromtimestamp(manifest.started_ns // NS_PER_S, UTC)
    measured_s = TrialSample(manifest, None).measured_s
    return (
        trial.path.name,
        str(manifest.plan.get("name", "unnamed")),
        f"{manifest.scenario} ({manifest.model})",
        "built-in stand-in" if manifest.embedded else manifest.host,
        f"{measured_s:.0f} s",
        f"{began:%Y-%m-%d %H:%M} UTC",
    )
