"""Show baselines as tables and as JSON documents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.analysis.distributions import PERCENTILES, latencies, measured_phases
from harness.cli.console import plain_table
from harness.experiments.compare.samples import TrialSample
from harness.trial.store import Trial
from harness.units import NS_PER_S

_HEADS = ("baseline", "plan", "scenario", "host", "measured", "began")


def describe(trial: Trial) -> dict[str, Any]:
    """Describe a baseline: what was measured, where and when."""
    manifest = trial.manifest
    began = datetime.fromtimestamp(manifest.started_ns // NS_PER_S, UTC)
    return {
        "name": trial.path.name,
        "plan": str(manifest.plan.get("name", "unnamed")),
        "scenario": manifest.scenario,
        "model": manifest.model,
        "host": manifest.host,
        "embedded": manifest.embedded,
        "measured_s": TrialSample(manifest, None).measured_s,
        "started": f"{began:%Y-%m-%dT%H:%M:%SZ}",
        "trial_id": manifest.trial_id,
    }


def describe_latencies(trial: Trial) -> dict[str, dict[str, float | None]]:
    """Operation → number of ok responses and percentiles of response time, ms."""
    measured = latencies(trial.intervals_table(), measured_phases(trial.manifest))
    return {
        operation: {"ok": distribution.total, **distribution.describe_ms()}
        for (operation, metric), distribution in measured.distributions.items()
        if metric == "response"
    }


def list_table(baselines: list[Trial]) -> Table:
    """One row for each baseline."""
    table = plain_table(None)
    for head in _HEADS:
        table.add_column(head, no_wrap=head in {"measured", "began"}, overflow="fold")
    for trial in baselines:
        table.add_row(*map(Text, _row(trial)))
    return table


def print_baseline(trial: Trial, console: Console) -> None:
    """Print what a baseline is, and a table of its response times."""
    for head, cell in zip(_HEADS, _row(trial), strict=True):
        console.print(Text(f"{head:9} {cell}"))
    console.print(Text(f"trial     {trial.manifest.trial_id}"))
    columns = ("ok", *(p.replace("_", ".") for p in PERCENTILES), "max")
    table = plain_table("response time, ms", "operation", right=columns)
    for operation, row in describe_latencies(trial).items():
        cells = [f"{row[p]:.1f}" for p in (*PERCENTILES, "max")]
        table.add_row(Text(operation), f"{row['ok']:,}", *cells)
    console.print(table)


def _row(trial: Trial) -> tuple[str, ...]:
    shown = describe(trial)
    began = datetime.fromisoformat(shown["started"])
    return (
        shown["name"],
        shown["plan"],
        f"{shown['scenario']} ({shown['model']})",
        "built-in stand-in" if shown["embedded"] else shown["host"],
        f"{shown['measured_s']:.0f} s",
        f"{began:%Y-%m-%d %H:%M} UTC",
    )
