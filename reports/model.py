"""
The data of all reports, computed once per trial.

Renderers read a `ReportModel` and no file, clock or environment, so that reports are reproducible.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from harness.analysis.counts import COLUMNS as COUNTED
from harness.analysis.counts import ERROR_COLUMNS as CODES
from harness.analysis.counts import count_attempts, count_error_codes
from harness.analysis.distributions import METRICS, Latencies, latencies, measured_phases
from harness.analysis.fault_windows import FaultWindow, collect_fault_windows
from harness.analysis.generator import load_s
from harness.analysis.probes import count_probes
from harness.analysis.retry_waits import COLUMNS as WAITS
from harness.analysis.retry_waits import retry_waits_by_second
from harness.analysis.summary import summarize
from harness.analysis.timeline import (
    coarsen_samples,
    codes_by_second,
    generator_samples,
    latency_by_second,
    outcomes_by_second,
)
from harness.trial.schema import Manifest
from harness.trial.store import Trial
from harness.units import NS_PER_S
from harness.verdicts import Finding, Verdict

LABS = ("rate_limit", "capacity", "compare", "trend")
"""Results of labs and comparisons in a trial directory, as NAME.json."""

_READ = tuple(dict.fromkeys((*COUNTED, *CODES, *WAITS)))
"""Columns of the attempt log, read once for all counts."""

POINTS_MAX = 600
"""Points per series; longer trials get longer steps."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """
    A time span that figures mark, in seconds since load start.

    Attributes:
        kind: ``phase``, ``warm-up`` (a phase that is not measured) or ``fault``.
        injections_s: Times of a fault's injections.
    """

    name: str
    start_s: float
    end_s: float
    kind: str
    injections_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ReportModel:
    """
    The data of one trial. Times are seconds since load start; series have steps of `step_s`.

    Attributes:
        findings: Failed first, then unknown, then passed.
        measured: Latencies of attempts that ended ok in measured phases.
        counts: Attempts by phase, operation and outcome (``AttemptCounts.outcomes``).
        errors: Attempts that did not end ok, by code (``count_error_codes``).
        outcomes_s: Attempts by outcome per step.
        codes_s: Attempts of the load that did not end ok, by code per step.
        waits_s: Retries and Retry-After per step (``retry_waits_by_second``).
        latency_ms: metric → p50, p99, max per step.
        generator: Samples of the generator per step (``coarsen_samples``).
        probes: Probes by purpose (``count_probes``).
        labs: Name → document, for those that exist.
    """

    manifest: Manifest
    summary: Mapping[str, Any]
    findings: tuple[Finding, ...]
    measured: Latencies
    counts: pd.DataFrame
    errors: pd.DataFrame
    outcomes_s: pd.DataFrame
    codes_s: pd.DataFrame
    waits_s: pd.DataFrame
    latency_ms: Mapping[str, pd.DataFrame]
    generator: pd.DataFrame
    step_s: int
    annotations: tuple[Annotation, ...]
    faults: tuple[FaultWindow, ...]
    probes: pd.DataFrame
    labs: Mapping[str, Mapping[str, Any]]

    @property
    def verdict(self) -> Verdict:
        """The verdict of the trial."""
        return Verdict(self.summary["verdict"])

    @property
    def observed(self) -> int:
        """Attempts without preflight."""
        preflight = sum(sum(counts.values()) for counts in self.summary["preflight"].values())
        attempts: int = self.summary["totals"]["attempts"]
        return attempts - preflight


def build_model(
    trial: Trial,
    findings: Sequence[Finding] | None = None,
    *,
    intervals: pa.Table | None = None,
    labs: Mapping[str, Mapping[str, Any]] | None = None,
) -> ReportModel:
    """
    Read a finished trial and compute the data of its reports.

    Args:
        findings: Results of the checks; None reads findings.json.
        intervals, labs: The histograms, and results of `LABS`, if the caller has them.

    Raises:
        TrialError: A file of the trial is absent or damaged.
    """
    manifest = trial.manifest
    found = trial.findings() if findings is None else list(findings)
    intervals = trial.intervals_table() if intervals is None else intervals
    step_s = max(1, -(-int(load_s(manifest)) // POINTS_MAX))
    measured = latencies(intervals, measured_phases(manifest), step_s)
    events = trial.events({"generator", "fault"})
    start_s = manifest.started_ns // NS_PER_S
    log = trial.attempts_table(_READ)
    counted = count_attempts(log, count_probes(trial))
    generator = generator_samples(events)
    faults = collect_fault_windows(events, manifest.started_ns, load_s(manifest))
    generator["time_s"] -= manifest.started_ns / NS_PER_S
    generator = coarsen_samples(generator, step_s)
    return ReportModel(
        manifest=manifest,
        summary=summarize(trial, found, measured=measured, counted=counted, intervals=intervals),
        findings=tuple(sorted(found, key=_by_severity)),
        measured=measured,
        counts=counted.outcomes,
        errors=count_error_codes(log),
        outcomes_s=_since(outcomes_by_second(intervals, step_s=step_s), start_s),
        codes_s=_since(codes_by_second(log, step_s=step_s), start_s),
        waits_s=_since(retry_waits_by_second(log, step_s=step_s), start_s),
        latency_ms={
            name: _since(latency_by_second(measured, name, step_s=step_s), start_s)
            for name in METRICS
        },
        generator=generator,
        step_s=step_s,
        annotations=(*_phase_annotations(manifest), *_fault_annotations(faults)),
        faults=tuple(faults),
        probes=counted.probes,
        labs=_labs(trial, labs or {}),
    )


def _by_severity(finding: Finding) -> int:
    return (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS).index(finding.verdict)


def _since(frame: pd.DataFrame, start_s: int) -> pd.DataFrame:
    frame.index = pd.Index(frame.index.to_numpy(dtype="int64") - start_s, name="second")
    return frame


def _phase_annotations(manifest: Manifest) -> list[Annotation]:
    return [
        Annotation(
            phase.name,
            (phase.start_ns - manifest.started_ns) / NS_PER_S,
            (phase.end_ns - manifest.started_ns) / NS_PER_S,
            "phase" if phase.measured else "warm-up",
        )
        for phase in manifest.phases
    ]


def _fault_annotations(faults: Iterable[FaultWindow]) -> list[Annotation]:
    return [Annotation(f.name, f.start_s, f.end_s, "fault", f.injections_s) for f in faults]


def _labs(trial: Trial, known: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    found = {name: known.get(name) or trial.document(f"{name}.json") for name in LABS}
    return {name: lab for name, lab in found.items() if lab is not None}
