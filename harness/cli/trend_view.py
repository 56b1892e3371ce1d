"""The trials of a plan over time: found, drawn, and told in a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from harness.cli.against import identity, is_of, leave_out
from harness.cli.otava import Method, choose_search
from harness.cli.stages import stage
from harness.errors import NothingObservedError, TrialError
from harness.experiments.compare.sides import Run
from harness.experiments.compare.trend import build_trend
from harness.load.plan_file import build_plan
from harness.trial.baselines import read_trials
from harness.trial.store import (
    INTERVALS_FILE,
    MANIFEST,
    Trial,
    write_bytes,
    write_json,
)
from reports.comparison import trend_page
from reports.comparison.standing import sought
from reports.wording import plural


def draw_trend(plan: str, trials: Path, baselines: Path, out: Path, by: Method) -> None:
    """
    Write the page of a plan's trials and print what changed.

    Args:
        plan: The plan's name.
        trials, baselines: Where its trials are.
        out: The page.
        by: What finds changes.

    Raises:
        NothingObservedError: There is no finished trial of the plan.
    """
    search = choose_search(by, os.environ)
    found = [*_complete(baselines), *_complete(trials)]
    named = {
        trial.manifest.trial_id: trial
        for trial in reversed(found)  # a trial that is kept goes by its baseline's name
        if _plan_of(trial) == plan
    }
    ordered = sorted(named.values(), key=lambda trial: trial.manifest.started_ns)
    if not ordered:
        known = ", ".join(sorted(set(map(_plan_of, found)))) or "none of any"
        raise NothingObservedError(
            f"no finished trial of plan {plan!r} in {baselines} or {trials}; there are {known}"
        )
    newest = ordered[-1]
    same = identity(newest.manifest)
    kept = [trial for trial in ordered if is_of(trial, same)]
    where = f"{newest.path}/manifest.json: plan"
    thresholds = build_plan(newest.manifest.plan, where).compare.to_thresholds()
    with stage(f"reading {len(kept)} trials, looking for changes by {search.method} …"):
        result = build_trend(_points(kept), thresholds, search)
    write_bytes(out, trend_page.render(plan, result).encode())
    write_json(out.with_suffix(".json"), result.document(plan))
    console = Console()
    console.print(Text(trend_page.headline(result)))
    console.print(Text(sought(result)))
    for row in trend_page.shifts_table(result).rows:
        console.print(Text(f"  {row[0]} {row[1]}: {row[2]:+} % from {row[5]} on"))
    if left := len(ordered) - len(kept):
        told = plural(left, "trial")
        console.print(Text(f"{told} with another scenario, host or load left out"))
    console.print(f"trend: {out}", markup=False, highlight=False, soft_wrap=True)


def _complete(root: Path) -> list[Trial]:
    """The finished trials of a directory; one that cannot be read is a line on stderr."""
    found, damaged = read_trials(root, (MANIFEST, INTERVALS_FILE), links=False)
    for error in damaged:
        leave_out(error)
    return [trial for trial in found if trial.manifest.state == "complete"]


def _points(trials: list[Trial]) -> Iterator[tuple[str, Run]]:
    """One trial's histograms at a time: together they could be more than the memory."""
    for trial in trials:
        try:
            table = trial.intervals_table()
        except TrialError as error:
            leave_out(error)
            continue
        yield trial.path.name, Run(trial.manifest, table)


def _plan_of(trial: Trial) -> str:
    return str(trial.manifest.plan.get("name", "unnamed"))
