"""Find the trials of a plan, draw them over time, and print what changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from harness.assess.baseline_comparison import has_identity, warn_skipped
from harness.assess.history import plan_name
from harness.assess.opened_trial import OpenedTrial
from harness.assess.otava import Method, choose_method
from harness.cli.console import print_line, status
from harness.errors import NothingObservedError, TrialError
from harness.experiments.compare.samples import TrialSample
from harness.experiments.compare.trend import build_trend
from harness.trial.baselines import read_trials
from harness.trial.store import (
    INTERVALS_FILE,
    MANIFEST,
    Trial,
    write_atomically,
    write_json,
)
from reports.comparison import trend_page
from reports.comparison.history import method_note
from reports.formatting import plural


def draw_trend(plan: str, trials: Path, baselines: Path, out: Path, by: Method) -> None:
    """
    Write the page of a plan's trials and print what changed.

    Raises:
        NothingObservedError: There is no finished trial of the plan.
    """
    search = choose_method(by, os.environ)
    found = [*_complete(baselines), *_complete(trials)]
    named = {
        trial.manifest.trial_id: trial
        for trial in reversed(found)  # a kept trial has its baseline's name
        if plan_name(trial) == plan
    }
    ordered = sorted(named.values(), key=lambda trial: trial.manifest.started_ns)
    if not ordered:
        known = ", ".join(sorted(set(map(plan_name, found)))) or "none"
        raise NothingObservedError(
            f"no finished trial of plan {plan!r} in {baselines} or {trials}; plans there: {known}"
        )
    opened = [OpenedTrial(trial) for trial in ordered]
    newest = opened[-1]
    kept = [one.trial for one in opened if has_identity(one, newest.identity)]
    tolerances = newest.plan.compare.to_tolerances()
    with status(f"reading {len(kept)} trials, looking for changes by {search.method} …"):
        result = build_trend(_points(kept), tolerances, search)
    write_atomically(out, trend_page.render(plan, result).encode())
    write_json(out.with_suffix(".json"), result.document(plan))
    console = Console()
    console.print(Text(trend_page.headline(result)))
    console.print(Text(method_note(result)))
    for row in trend_page.change_points_table(result).rows:
        console.print(Text(f"  {row[0]} {row[1]}: {row[2]:+} % from {row[5]} on"))
    if left := len(ordered) - len(kept):
        text = f"{plural(left, 'trial')} with another scenario, host or load left out"
        console.print(Text(text))
    print_line(console, f"trend: {out}")


def _complete(root: Path) -> list[Trial]:
    """The finished trials of a directory; a damaged one is a line on stderr."""
    found, damaged = read_trials(root, (MANIFEST, INTERVALS_FILE), follow_links=False)
    for error in damaged:
        warn_skipped(error)
    return [trial for trial in found if trial.manifest.state == "complete"]


def _points(trials: list[Trial]) -> Iterator[tuple[str, TrialSample]]:
    """Read the histograms of one trial at a time: together they may not fit into memory."""
    for trial in trials:
        try:
            table = trial.intervals_table()
        except TrialError as error:
            warn_skipped(error)
            continue
        yield trial.path.name, TrialSample(trial.manifest, table)
