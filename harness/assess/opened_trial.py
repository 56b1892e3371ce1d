"""A trial of which each file is read at most once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from harness.experiments.compare.samples import TrialSample
from harness.plan.file import build_plan
from harness.plan.model import Plan
from harness.trial.schema import Manifest
from harness.trial.store import Trial, open_trial

_KEYS_WITHOUT_LOAD = {"description", "seed", "slo", "compare", "name"}
"""Keys of a plan that do not change the load, or only its random numbers."""


class OpenedTrial:
    """
    A trial whose plan, intervals and identity are computed at first use and kept.

    ``baseline`` is its name as a baseline; "" for none.
    """

    def __init__(self, trial: Trial, baseline: str = "") -> None:
        self.trial = trial
        self.baseline = baseline

    @property
    def path(self) -> Path:
        """The trial directory."""
        return self.trial.path

    @property
    def manifest(self) -> Manifest:
        """The manifest."""
        return self.trial.manifest

    @cached_property
    def plan(self) -> Plan:
        """The validated plan; raises PlanError."""
        return build_plan(self.manifest.plan, f"{self.path}/manifest.json: plan")

    @cached_property
    def intervals(self) -> pa.Table:
        """The interval histograms; raises TrialError."""
        return self.trial.intervals_table()

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """What two trials must share to be comparable."""
        return _identity(self.manifest, self.plan)

    def sample(self) -> TrialSample:
        """Return what a comparison needs."""
        return TrialSample(self.manifest, self.intervals, self.baseline)


def open_once(path: Path, baseline: str = "") -> OpenedTrial:
    """Open a trial directory; raises as `open_trial`."""
    return OpenedTrial(open_trial(path), baseline)


def load_identity(manifest: Manifest) -> Mapping[str, Any]:
    """What two trials must share to be comparable; every default is filled in."""
    return _identity(manifest, build_plan(manifest.plan, f"{manifest.trial_id}: plan"))


def _identity(manifest: Manifest, plan: Plan) -> Mapping[str, Any]:
    document = plan.model_dump(mode="json", by_alias=True)
    return {
        "plan": {key: value for key, value in document.items() if key not in _KEYS_WITHOUT_LOAD},
        "scenario": manifest.scenario,
        "model": manifest.model,
        "host": "the built-in stand-in" if manifest.embedded else manifest.host,
        "processes": len(manifest.workers),
    }
