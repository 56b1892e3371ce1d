"""
Everything a page may say, computed once.

Renderers are functions of a `ReportModel` and nothing else: they read no file, no
clock and no environment, so a report of an old trial is the same page for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from harness.analysis.distributions import METRICS, Latencies, latencies, measured_phases
from harness.analysis.error_codes import COLUMNS as CODES
from harness.analysis.error_codes import count_error_codes
from harness.analysis.fault_windows import FaultWindow, collect_fault_windows
from harness.analysis.generator import load_s
from harness.analysis.probes import count_probes
from harness.analysis.retry_waits import COLUMNS as WAITS
from harness.analysis.retry_waits import retry_waits_by_second
from harness.analysis.summary import COLUMNS as COUNTED
from harness.analysis.summary import count_attempts, summarize
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
"""Results that a lab may have left beside the trial, as NAME.json."""

_READ = tuple(dict.fromkeys((*COUNTED, *CODES, *WAITS)))
"""One reading of the attempt log serves everything that is counted of it."""

POINTS_MAX = 600
"""More points a series are not seen on a page; longer trials get longer steps."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """
    A stretch of the trial that figures shade or mark.

    Attributes:
        name: A phase's or a fault's name.
        start_s, end_s: Seconds since the load's start.
        kind: ``phase``, ``warm-up`` (a phase that is not measured) or ``fault``.
        injections_s: When a fault struck.
    """

    name: str
    start_s: float
    end_s: float
    kind: str
    injections_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ReportModel:
    """
    What the reports say of one trial.

    Attributes:
        manifest: What was run.
        summary: The document of summary.json.
        findings: What the checks said, failures first, then doubts.
        measured: Latencies of good answers in measured phases.
        counts: Attempts by phase, operation and outcome (``AttemptCounts.outcomes``).
        errors: Attempts that did not end ok, by code (``count_error_codes``).
        outcomes_s: Attempts by outcome a step (``outcomes_by_second``; index: seconds
            since the load's start, Unix seconds nowhere from here on).
        codes_s: Attempts of the load that did not end ok, by code a step.
        waits_s: Retries and Retry-After a step (``retry_waits_by_second``).
        latency_ms: metric → p50, p99, max a step.
        generator: Samples of the generator by step (``coarsen_samples``), time since the
            start.
        step_s: Seconds a step of the series.
        annotations: Phases and faults.
        faults: Faults, with their settings.
        probes: Probes by what they were for (``count_probes``).
        labs: Name → result of a lab, for those that are there.
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
        """The verdict of the whole trial."""
        return Verdict(self.summary["verdict"])

    @property
    def observed(self) -> int:
        """Attempts since the load began."""
        before = sum(sum(told.values()) for told in self.summary["preflight"].values())
        attempts: int = self.summary["totals"]["attempts"]
        return attempts - before


def build_model(
    trial: Trial,
    findings: Sequence[Finding] | None = None,
    *,
    intervals: pa.Table | None = None,
    labs: Mapping[str, Mapping[str, Any]] | None = None,
) -> ReportModel:
    """
    Read a trial and compute everything its reports say.

    Args:
        trial: The finished trial.
        findings: What the checks said; those of findings.json when None.
        intervals: Its histograms; read when None.
        labs: Results of `LABS` by name; the others are read.

    Raises:
        TrialError: A file of the trial is absent or damaged.
    """
    manifest = trial.manifest
    told = trial.findings() if findings is None else list(findings)
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
        summary=summarize(trial, told, measured=measured, counted=counted, intervals=intervals),
        findings=tuple(sorted(told, key=_by_severity)),
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
