"""A trial for a notebook: its documents as types, its tables as pandas frames; read only."""

from __future__ import annotations

import os
from functools import cached_property
from typing import Any

import pandas as pd

from harness.errors import TrialError
from harness.trial.schema import Event, Manifest
from harness.trial.store import open_trial
from harness.verdicts import Finding

SUMMARY = "summary.json"
_FINISHED = frozenset({"complete", "interrupted"})


class TrialView:
    """
    A finished trial directory. Each file is read and checked at first use.

    Raises TrialError if it is not a trial, has another version, or is not finished; every property
    raises it for a file that is absent or damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._trial = open_trial(path)
        self.manifest: Manifest = self._trial.manifest
        if self.manifest.state not in _FINISHED:
            raise TrialError(
                f"{self._trial.path}: not a finished trial ({self.manifest.state}); "
                f"run `harness report {self._trial.path}` first"
            )

    def __repr__(self) -> str:
        return f"<trial {self.manifest.trial_id}: {self.manifest.scenario}>"

    @cached_property
    def summary(self) -> dict[str, Any]:
        """summary.json: the trial in numbers, with the verdict (docs/schemas)."""
        found = self._trial.document(SUMMARY)
        if found is None:
            path = self._trial.path
            raise TrialError(f"{path / SUMMARY} is missing; run `harness report {path}` first")
        return found

    @cached_property
    def findings(self) -> list[Finding]:
        """The checks' findings; empty when they have not run."""
        return self._trial.findings()

    @cached_property
    def attempts(self) -> pd.DataFrame:
        """
        Every attempt, one row each; the columns are those of `harness.attempt.Attempt`.

        Names are categories, other text is str, numbers keep their width.
        """
        frame: pd.DataFrame = self._trial.attempts_table().to_pandas()
        return frame

    @cached_property
    def intervals(self) -> pd.DataFrame:
        """The latency histograms of each second; the columns are those of intervals.parquet."""
        frame: pd.DataFrame = self._trial.intervals_table().to_pandas()
        return frame

    @cached_property
    def events(self) -> list[Event]:
        """The events in order: phases, faults, webhooks, the generator's health, notes."""
        return self._trial.events()
