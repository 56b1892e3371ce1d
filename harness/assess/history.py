"""
Place a trial among earlier ones: the trend that every report shows.

Earlier trials are the baselines and the trials in the same directory with the same load and
host. The search is bounded, because a trial may be in any directory.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from harness.assess.opened_trial import OpenedTrial
from harness.errors import TrialError, UsageError
from harness.experiments.compare.samples import TrialSample
from harness.experiments.compare.trend import Trend, build_trend
from harness.trial.store import INTERVALS_FILE, MANIFEST, Trial, open_trial, write_json

TREND = "trend.json"
POINTS_MAX = 24
"""Most trials of a trend, the newest ones."""
ENTRIES_MAX = 10_000
"""Most names of a directory to read; names begin with the time, the last ones are opened."""
MANIFESTS_MAX = 300
MANIFEST_BYTES_MAX = 1 << 20
INTERVALS_BYTES_MAX = 48 << 20
"""Most histograms of all earlier trials; reading them takes about two seconds."""
_LABS = ("rate_limit.json", "capacity.json")


def compare_with_history(opened: OpenedTrial, baselines: Iterable[OpenedTrial]) -> Trend | None:
    """
    Place a trial among the earlier ones of the same load, and write trend.json.

    Returns:
        The trend, whose last point is the trial. None, without a trend.json, if there is no
        earlier trial, the trial is incomplete, or a lab chose its load.

    Raises:
        TrialError: A baseline is damaged.
    """
    comparable = _is_comparable(opened.trial)
    points = [*_points(_earlier(opened, baselines))] if comparable else []
    if not points:
        (opened.path / TREND).unlink(missing_ok=True)
        return None
    points.append((opened.path.resolve().name, TrialSample(opened.manifest, opened.intervals)))
    trend = build_trend(points, opened.plan.compare.to_tolerances())
    write_json(opened.path / TREND, trend.document(plan_name(opened.trial)))
    return trend


def plan_name(trial: Trial) -> str:
    """Return the name of a trial's plan."""
    return str(trial.manifest.plan.get("name", "unnamed"))


def _same_load_trials(trials: Iterable[OpenedTrial], opened: OpenedTrial) -> Iterator[OpenedTrial]:
    """The trials with the same load and host."""
    manifest = opened.manifest
    for candidate in trials:
        other = candidate.manifest
        if (other.scenario, other.model) != (manifest.scenario, manifest.model):
            continue  # validating a plan takes longer than this
        try:
            if candidate.identity == opened.identity:
                yield candidate
        except UsageError:  # a plan of another version
            continue


def _is_comparable(trial: Trial) -> bool:
    return trial.manifest.state == "complete" and not any(
        (trial.path / name).exists() for name in _LABS
    )


def _earlier(opened: OpenedTrial, baselines: Iterable[OpenedTrial]) -> list[OpenedTrial]:
    """The newest earlier trials of the same load, oldest first."""
    found = {
        candidate.manifest.trial_id: candidate
        for candidate in (*_siblings(opened.path), *baselines)  # a baseline's name is better
        if candidate.manifest.started_ns < opened.manifest.started_ns
    }
    before = sorted(found.values(), key=lambda candidate: -candidate.manifest.started_ns)
    newest = islice(_same_load_trials(before, opened), POINTS_MAX - 1)
    return [*_within_budget(newest)][::-1]


def _within_budget(trials: Iterable[OpenedTrial]) -> Iterator[OpenedTrial]:
    left = INTERVALS_BYTES_MAX
    for trial in trials:
        try:
            left -= (trial.path / INTERVALS_FILE).stat().st_size
        except OSError:
            continue
        if left < 0:
            return
        yield trial


def _points(trials: Iterable[OpenedTrial]) -> Iterator[tuple[str, TrialSample]]:
    for candidate in trials:
        try:
            yield candidate.path.name, TrialSample(candidate.manifest, candidate.intervals)
        except TrialError:  # a damaged trial does not fail the report
            continue


def _siblings(path: Path) -> Iterator[OpenedTrial]:
    """Finished trials beside a trial; others and damaged ones are skipped."""
    own = path.resolve()
    try:
        with os.scandir(own.parent) as entries:
            names = [
                entry.name
                for entry in islice(entries, ENTRIES_MAX)
                if entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return
    for name in heapq.nlargest(MANIFESTS_MAX, names):
        if name != own.name and (candidate := _open(own.parent / name)) is not None:
            yield candidate


def _open(path: Path) -> OpenedTrial | None:
    try:
        if (path / MANIFEST).stat().st_size > MANIFEST_BYTES_MAX:
            return None
        trial = open_trial(path)
        usable = _is_comparable(trial) and (path / INTERVALS_FILE).is_file()
        return OpenedTrial(trial) if usable else None
    except (OSError, UsageError):
        return None
