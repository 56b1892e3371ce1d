"""Compare a trial with the newest baseline of the same load."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.assess.opened_trial import OpenedTrial, open_once
from harness.errors import UsageError
from harness.experiments.compare.changes import Comparison
from harness.experiments.compare.comparison import compare
from harness.experiments.compare.samples import TrialSample
from harness.trial.baselines import BASELINES, baseline_name, read_baselines
from harness.trial.store import write_atomically, write_json


def open_baselines(root: Path = BASELINES) -> list[OpenedTrial]:
    """Open all baselines, oldest first; a damaged one is a line on stderr."""
    kept, damaged = read_baselines(root)
    for error in damaged:
        warn_skipped(error)
    return [OpenedTrial(trial, trial.path.name) for trial in kept]


def compare_with_baseline(
    opened: OpenedTrial, baselines: Sequence[OpenedTrial]
) -> Comparison | None:
    """
    Compare a trial with the newest baseline of the same load, and write compare.*.

    Returns None without such a baseline or if the trial is incomplete; raises TrialError if the
    baseline is damaged.
    """
    manifest = opened.manifest
    if manifest.state != "complete" or not baselines:
        return None
    fitting = [
        baseline
        for baseline in baselines
        if baseline.manifest.trial_id != manifest.trial_id
        and has_identity(baseline, opened.identity)
    ]
    if not fitting:
        return None
    tolerances = opened.plan.compare.to_tolerances()
    candidate = TrialSample(manifest, opened.intervals, baseline_name(opened.path))
    result = compare([_finished(fitting[-1]).sample()], [candidate], tolerances)
    write_comparison(result, opened.path)
    return result


def write_comparison(result: Comparison, directory: Path) -> None:
    """Write compare.html, compare.md, and compare.json last."""
    from reports.comparison import markdown, page  # noqa: PLC0415  Matplotlib is slow to import

    write_atomically(directory / "compare.html", page.render(result).encode())
    write_atomically(directory / "compare.md", markdown.render(result).encode())
    write_json(directory / "compare.json", result.document())


def load_sample(path: Path, root: Path = BASELINES) -> TrialSample:
    """Read a trial; raises TrialError if absent or damaged, UsageError if not finished."""
    return _finished(open_once(path, baseline_name(path, root))).sample()


def _finished(opened: OpenedTrial) -> OpenedTrial:
    if opened.manifest.state in {"running", "measured"}:
        raise UsageError(f"{opened.path}: not finished; run `harness report {opened.path}` first")
    return opened


def warn_skipped(error: UsageError) -> None:
    """Report on stderr why one of many trials is skipped."""
    sys.stderr.write(f"left out: {error}\n")


def has_identity(opened: OpenedTrial, identity: Mapping[str, Any]) -> bool:
    """Return whether a trial has this identity; False, and a warning, if its plan is invalid."""
    try:
        return opened.identity == identity
    except UsageError as error:
        warn_skipped(error)
        return False
