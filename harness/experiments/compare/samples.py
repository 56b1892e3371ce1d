"""
One side of a comparison: its trials cut into time steps, for resampling.

A *stratum* is one measured phase of one trial. Steps (a second, or several in a long trial)
are resampled within their stratum only: neither the plan's next phase nor another trial
continues it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from harness.analysis.distributions import latencies, measured_phases
from harness.analysis.hdr_decode import Ints
from harness.trial.histograms import bucket_highest_us
from harness.trial.schema import Manifest, PhaseWindow
from harness.units import NS_PER_S

Floats = NDArray[np.float64]

STEPS_MAX = 600
"""Most steps per side; more add nothing about its autocorrelation. Long trials get long steps."""


@dataclass(frozen=True, slots=True, eq=False)
class TrialSample:
    """What a comparison needs of one trial."""

    manifest: Manifest
    intervals: pa.Table  # Rows of ``harness.trial.schema.INTERVALS``
    baseline: str = ""  # Its name as a baseline; "" if it is none

    @property
    def label(self) -> str:
        """The baseline's name, else the trial id."""
        return self.baseline or self.manifest.trial_id

    @property
    def measured_s(self) -> float:
        """Seconds of its measured phases."""
        return sum(w.end_ns - w.start_ns for w in self.windows) / NS_PER_S

    @property
    def windows(self) -> list[PhaseWindow]:
        """Its measured phases; the load is one phase if the manifest names none."""
        manifest, names = self.manifest, measured_phases(self.manifest)
        if not manifest.phases:
            end_ns = max(manifest.ended_ns, manifest.started_ns)
            return [PhaseWindow(name, manifest.started_ns, end_ns) for name in names]
        return [phase for phase in manifest.phases if phase.name in names]


@dataclass(frozen=True, slots=True, eq=False)
class Stratum:
    """
    Consecutive time steps of one phase.

    Attributes:
        seconds: How much of each step lies in the phase: a phase begins and ends within a
            second, and its last responses come after its end.
    """

    trial: int  # Number of its trial on this side, from 0
    first: int  # Index of its first step among all steps of the side
    seconds: Floats

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.seconds)


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """Successes of one operation and metric, counted by step and histogram bucket."""

    step: Ints
    bucket: Ints
    counts: Ints

    def cumulative(self, steps: int) -> tuple[Floats, Ints]:
        """
        Values of each step at or below each occupied bucket, and the buckets' highest values in
        µs.
        """
        occupied, column = np.unique(self.bucket, return_inverse=True)
        flat = np.bincount(self.step * len(occupied) + column, self.counts, steps * len(occupied))
        table: Floats = np.cumsum(flat.reshape(steps, len(occupied)), axis=1)
        return table, bucket_highest_us(occupied)


@dataclass(frozen=True, eq=False)
class Side:
    """One side of a comparison."""

    strata: tuple[Stratum, ...]  # In the order of their steps
    outcomes: dict[str, dict[str, Ints]]  # operation → outcome → attempts of each step
    times: dict[tuple[str, str], Times]  # (operation, metric) → `Times` of successes

    @cached_property
    def steps(self) -> int:
        """Number of steps in all strata."""
        return sum(stratum.steps for stratum in self.strata)

    @cached_property
    def seconds(self) -> Floats:
        """Length of each step; the sum is the measured time."""
        return np.concatenate([np.empty(0), *(stratum.seconds for stratum in self.strata)])

    @cached_property
    def trials(self) -> int:
        """Number of pooled trials."""
        return len({stratum.trial for stratum in self.strata})


def build_sides(
    baseline: Sequence[TrialSample], candidate: Sequence[TrialSample]
) -> tuple[Side, Side]:
    """Both sides, in steps of equal length; TrialError if an interval holds no histogram."""
    counted = [[_counts(trial) for trial in side] for side in (baseline, candidate)]
    longest_s = max(
        sum(_length_s(trial, frame) for trial, frame in zip(side, frames, strict=True))
        for side, frames in zip((baseline, candidate), counted, strict=True)
    )
    step_s = max(1, -(-longest_s // STEPS_MAX))
    return _build(baseline, counted[0], step_s), _build(candidate, counted[1], step_s)


def _length_s(trial: TrialSample, frame: pd.DataFrame) -> int:
    """Seconds of its phases, late responses included."""
    last = frame.groupby("phase")["second"].max()
    return sum(end - begin for begin, end in (_ends(w, last) for w in trial.windows))


def _ends(window: PhaseWindow, last: pd.Series) -> tuple[int, int]:
    """First second of a phase and the one after its last, late responses included."""
    begin = window.start_ns // NS_PER_S
    end = max(-(-window.end_ns // NS_PER_S), int(last.get(window.name, begin)) + 1)
    return begin, end


def _build(trials: Sequence[TrialSample], frames: Sequence[pd.DataFrame], step_s: int) -> Side:
    strata: list[Stratum] = []
    counted: list[pd.DataFrame] = []
    timed: list[dict[tuple[str, str], Times]] = []
    for number, (trial, frame) in enumerate(zip(trials, frames, strict=True)):
        placed = _place(trial, frame, number, step_s, strata)
        frame["step"] = _steps(frame, placed, step_s)
        counted.append(frame)
        timed.append(_cells(trial, placed, step_s))
    total = sum(stratum.steps for stratum in strata)
    return Side(tuple(strata), _outcomes(pd.concat(counted), total), _times(timed))


def _counts(trial: TrialSample) -> pd.DataFrame:
    """Attempts of measured phases: second, phase, operation, outcome, count."""
    names = ["second", "phase", "operation", "outcome", "metric", "count"]
    frame = trial.intervals.select(names).to_pandas()
    for name in ("phase", "operation", "outcome", "metric"):
        frame[name] = frame[name].astype("object")
    phases = [window.name for window in trial.windows]
    kept = (frame["metric"] == "service") & frame["phase"].isin(phases)
    counts: pd.DataFrame = frame[kept].drop(columns="metric").reset_index(drop=True)
    return counts


def _place(
    trial: TrialSample, frame: pd.DataFrame, number: int, step_s: int, strata: list[Stratum]
) -> dict[str, tuple[int, Stratum]]:
    """Append a stratum per phase of a trial: phase → its first second and stratum."""
    placed = {}
    last = frame.groupby("phase")["second"].max()
    for window in trial.windows:
        begin, end = _ends(window, last)
        first = strata[-1].first + strata[-1].steps if strata else 0
        edges_s = begin + step_s * np.arange(max(-(-(end - begin) // step_s), 1) + 1)
        inside_s = np.clip(
            edges_s.astype(np.float64), window.start_ns / NS_PER_S, window.end_ns / NS_PER_S
        )
        stratum = Stratum(number, first, np.diff(inside_s))
        strata.append(stratum)
        placed[window.name] = begin, stratum
    return placed


def _steps(frame: pd.DataFrame, placed: dict[str, tuple[int, Stratum]], step_s: int) -> Ints:
    begin = frame["phase"].map({name: at[0] for name, at in placed.items()})
    first = frame["phase"].map({name: at[1].first for name, at in placed.items()})
    inside = np.maximum(frame["second"].to_numpy(np.int64) - begin.to_numpy(np.int64), 0)
    steps: Ints = first.to_numpy(np.int64) + inside // step_s
    return steps


def _cells(
    trial: TrialSample, placed: dict[str, tuple[int, Stratum]], step_s: int
) -> dict[tuple[str, str], Times]:
    measured = latencies(trial.intervals, list(placed), lambda rows: _steps(rows, placed, step_s))
    slots, bucket_counts = measured.slots, measured.bucket_counts
    step = slots["slot"].to_numpy(np.int64)[bucket_counts.row]
    found = {}
    for (operation, metric), rows in slots.groupby(["operation", "metric"]):
        chosen = np.zeros(len(slots), bool)
        chosen[rows.index] = True
        inside = chosen[bucket_counts.row]
        buckets = bucket_counts.bucket[inside].astype(np.int64)
        found[str(operation), str(metric)] = Times(
            step[inside], buckets, bucket_counts.counts[inside]
        )
    return found


def _outcomes(frame: pd.DataFrame, steps: int) -> dict[str, dict[str, Ints]]:
    found: dict[str, dict[str, Ints]] = {}
    for (operation, outcome), rows in frame.groupby(["operation", "outcome"]):
        counts = np.bincount(rows["step"], rows["count"], steps).astype(np.int64)
        found.setdefault(str(operation), {})[str(outcome)] = counts
    return found


def _times(parts: Sequence[dict[tuple[str, str], Times]]) -> dict[tuple[str, str], Times]:
    """Join the times of all trials of a side."""
    gathered: dict[tuple[str, str], list[Times]] = {}
    for part in parts:
        for key, times in part.items():
            gathered.setdefault(key, []).append(times)
    return {
        key: Times(
            *(
                np.concatenate([getattr(one, name) for one in gathered[key]])
                for name in ("step", "bucket", "counts")
            )
        )
        for key in sorted(gathered)
    }
