"""
Where a trial stands among those before it: the trend that every report tells.

The trials before it are the baselines and what lies beside it, as far as they made the
same load against the same host: by the rule by which a comparison finds its baseline
(`load_identity`). What is looked at is bounded, because a trial may lie in any folder.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from harness.assess.baseline_comparison import load_identity
from harness.errors import TrialError, UsageError
from harness.experiments.compare.samples import TrialSample
from harness.experiments.compare.trend import Trend, build_trend
from harness.plan.file import build_plan
from harness.trial.baselines import BASELINES, find_baselines
from harness.trial.schema import Manifest
from harness.trial.store import INTERVALS_FILE, MANIFEST, Trial, open_trial, write_json

TREND = "trend.json"
POINTS_MAX = 24
"""So many trials are drawn, the newest of them."""
ENTRIES_MAX = 10_000
"""So many names of a folder are read, and of them the last `MANIFESTS_MAX` are opened: names
of ours begin with the time."""
MANIFESTS_MAX = 300
MANIFEST_BYTES_MAX = 1 << 20
INTERVALS_BYTES_MAX = 48 << 20
"""Histograms of all earlier trials together: some two seconds."""
_LABS = ("rate_limit.json", "capacity.json")


def compare_with_history(path: Path, root: Path = BASELINES) -> Trend | None:
    """
    Write where a trial stands among the earlier ones of the same load (trend.json).

    Returns:
        The trend, with the trial as its last point; None where nothing was before it,
        where it was cut off, or where a lab chose its load. No trend.json is left then.

    Raises:
        TrialError: A baseline is damaged.
    """
    trial = open_trial(path)
    points = [*_points(_earlier(trial, root))] if _is_comparable(trial) else []
    if not points:
        (path / TREND).unlink(missing_ok=True)
        return None
    plan = build_plan(trial.manifest.plan, f"{path}/manifest.json: plan")
    points.append((trial.path.resolve().name, TrialSample(trial.manifest, trial.intervals_table())))
    trend = build_trend(points, plan.compare.to_tolerances())
    write_json(path / TREND, trend.document(str(trial.manifest.plan.get("name", "unnamed"))))
    return trend


def same_load_trials(trials: Iterable[Trial], manifest: Manifest) -> Iterator[Trial]:
    """Those trials that made the same load against the same host as the manifest's."""
    same = load_identity(manifest)
    for trial in trials:
        other = trial.manifest
        if (other.scenario, other.model) != (manifest.scenario, manifest.model):
            continue  # most are told apart without reading their plans
        try:
            if load_identity(other) == same:
                yield trial
        except UsageError:  # a plan of another version
            continue


def _is_comparable(trial: Trial) -> bool:
    return trial.manifest.state == "complete" and not any(
        (trial.path / name).exists() for name in _LABS
    )


def _earlier(trial: Trial, root: Path) -> list[Trial]:
    """The earlier trials of the same load, oldest first; the newest where there are many."""
    manifest = trial.manifest
    found = {
        candidate.manifest.trial_id: candidate
        for candidate in (
            *_sibling_trials(trial.path),
            *find_baselines(root),
        )  # a baseline's name is better
    }
    before = [
        candidate
        for candidate in found.values()
        if candidate.manifest.started_ns < manifest.started_ns
    ]
    before.sort(key=lambda candidate: -candidate.manifest.started_ns)
    newest = islice(same_load_trials(before, manifest), POINTS_MAX - 1)
    return [*_within_budget(newest)][::-1]


def _within_budget(trials: Iterable[Trial]) -> Iterator[Trial]:
    left = INTERVALS_BYTES_MAX
    for trial in trials:
        try:
            left -= (trial.path / INTERVALS_FILE).stat().st_size
        except OSError:
            continue
        if left < 0:
            return
        yield trial


def _points(trials: Iterable[Trial]) -> Iterator[tuple[str, TrialSample]]:
    for trial in trials:
        try:
            yield trial.path.name, TrialSample(trial.manifest, trial.intervals_table())
        except TrialError:  # damaged: it has no place in a trend, and costs no report
            continue


def _sibling_trials(path: Path) -> Iterator[Trial]:
    """Finished trials in the folder of a trial; what is none or damaged is passed over."""
    folder = path.resolve().parent
    try:
        with os.scandir(folder) as entries:
            names = [
                entry.name
                for entry in islice(entries, ENTRIES_MAX)
                if entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return
    for name in heapq.nlargest(MANIFESTS_MAX, names):
        if (candidate := _open(folder / name)) is not None:
            yield candidate


def _open(path: Path) -> Trial | None:
    try:
        if (path / MANIFEST).stat().st_size > MANIFEST_BYTES_MAX:
            return None
        trial = open_trial(path)
        return trial if _is_comparable(trial) and (path / INTERVALS_FILE).is_file() else None
    except (OSError, UsageError):
        return None
