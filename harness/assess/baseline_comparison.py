"""Trials as a comparison wants them, and the comparison that every report makes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.experiments.compare.changes import Comparison
from harness.experiments.compare.comparison import compare
from harness.experiments.compare.samples import TrialSample
from harness.plan.file import build_plan
from harness.trial.baselines import BASELINES, baseline_name, read_baselines
from harness.trial.schema import Manifest
from harness.trial.store import Trial, open_trial, write_atomically, write_json
from reports.comparison import markdown, page

_KEYS_WITHOUT_LOAD = {"description", "seed", "slo", "compare", "name"}
"""Keys of a plan that do not change what load it makes, or only its dice."""


def compare_with_baseline(path: Path, root: Path = BASELINES) -> Comparison | None:
    """
    Compare a trial with the newest baseline of its plan, and write what came of it.

    A baseline that cannot be read is a line on stderr; the others serve.

    Returns:
        The comparison; None where there is no such baseline, or the trial was cut off.

    Raises:
        TrialError: That baseline is damaged.
    """
    trial = open_trial(path)
    if trial.manifest.state != "complete":
        return None
    kept, damaged = read_baselines(root)
    for error in damaged:
        warn_skipped(error)
    same = load_identity(trial.manifest)
    fitting = [
        baseline
        for baseline in kept
        if baseline.manifest.trial_id != trial.manifest.trial_id and has_identity(baseline, same)
    ]
    if not fitting:
        return None
    tolerances = build_plan(trial.manifest.plan, f"{path}: plan").compare.to_tolerances()
    newest = fitting[-1]
    result = compare([load_sample(newest.path, root)], [load_sample(path, root)], tolerances)
    write_comparison(result, path)
    return result


def write_comparison(result: Comparison, directory: Path) -> None:
    """compare.html, compare.md, and compare.json last."""
    write_atomically(directory / "compare.html", page.render(result).encode())
    write_atomically(directory / "compare.md", markdown.render(result).encode())
    write_json(directory / "compare.json", result.document())


def load_sample(path: Path, root: Path = BASELINES) -> TrialSample:
    """
    A trial, as far as a comparison needs it.

    Raises:
        TrialError: There is none, or it is damaged.
        UsageError: It has not ended.
    """
    trial = open_trial(path)
    if trial.manifest.state in {"running", "measured"}:
        raise UsageError(f"{path}: not finished; run `harness report {path}` first")
    return TrialSample(trial.manifest, trial.intervals_table(), baseline_name(path, root))


def warn_skipped(error: UsageError) -> None:
    """Say why a trial that was only one of many is not looked at."""
    sys.stderr.write(f"left out: {error}\n")


def has_identity(trial: Trial, same: Mapping[str, Any]) -> bool:
    """Return whether a trial has this `load_identity`; False if it cannot be read."""
    try:
        return load_identity(trial.manifest) == same
    except UsageError as error:
        warn_skipped(error)
        return False


def load_identity(manifest: Manifest) -> dict[str, Any]:
    """What two trials must share to be comparable; every default is filled in."""
    plan = build_plan(manifest.plan, f"{manifest.trial_id}: plan")
    document = plan.model_dump(mode="json", by_alias=True)
    return {
        "plan": {key: value for key, value in document.items() if key not in _KEYS_WITHOUT_LOAD},
        "scenario": manifest.scenario,
        "model": manifest.model,
        "host": "the built-in stand-in" if manifest.embedded else manifest.host,
        "processes": len(manifest.workers),
    }
