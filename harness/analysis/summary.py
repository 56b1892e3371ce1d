"""
summary.json: the trial in numbers, with promised keys.

Totals, ``outcomes`` and an operation's ``attempts`` count every attempt of every phase: warm-up,
probes, cleanup and preflight too, because the target served them. ``load`` leaves out the probes,
which are under ``probes``, and the preflight; its ``attempts_per_s`` also leaves out the cleanup,
which is outside its seconds. ``service_ms`` and ``response_ms`` cover only attempts that ended ok
in a measured phase (for probes: in theirs): a fast refusal must not improve a latency, nor a
warm-up worsen it. Without such attempts each percentile is null.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec
import pandas as pd
import pyarrow as pa

from harness.analysis.counts import COLUMNS, AttemptCounts, count_attempts
from harness.analysis.distributions import (
    METRICS,
    Latencies,
    latencies,
    measured_phases,
    merge_distributions,
)
from harness.analysis.generator import assess_generator, load_s
from harness.analysis.probes import PREFLIGHT, PROBE, count_probes
from harness.attempt import ReservedPhase
from harness.trial.schema import SCHEMA, Manifest, PhaseWindow
from harness.trial.store import Trial
from harness.units import NS_PER_S
from harness.verdicts import Finding, Verdict, overall

ALWAYS_COUNTED = ("ok", "rate_limited", "capacity_full", "timeout")
"""Outcomes that always have a key."""


def summarize(
    trial: Trial,
    findings: Sequence[Finding],
    *,
    measured: Latencies | None = None,
    counted: AttemptCounts | None = None,
    intervals: pa.Table | None = None,
) -> dict[str, Any]:
    """
    The document of summary.json (docs/schemas); raises TrialError for an absent or damaged table.

    ``measured``, ``counted`` and ``intervals`` are latencies, counts and histograms that the
    caller has; they are read when None.
    """
    manifest = trial.manifest
    if intervals is None:
        intervals = trial.intervals_table()
    if measured is None:
        measured = latencies(intervals, measured_phases(manifest))
    probed = latencies(intervals, {PROBE})
    if counted is None:
        counted = count_attempts(trial.attempts_table(COLUMNS), count_probes(trial))
    counts = counted.outcomes
    duration_s = load_s(manifest)
    observed = int(counts[counts["phase"] != PREFLIGHT]["count"].sum())
    return {
        "schema": SCHEMA,
        "trial_id": manifest.trial_id,
        "scenario": manifest.scenario,
        "model": manifest.model,
        "verdict": str(overall_verdict(findings, observed)),
        "state": manifest.state,
        "host": manifest.host,
        "embedded": manifest.embedded,
        "duration_s": duration_s,
        **_totals(manifest, counted, duration_s),
        "outcomes": {**dict.fromkeys(ALWAYS_COUNTED, 0), **_by_outcome(counts)},
        "operations": _operations(counts, measured, probed, duration_s),
        "findings": [_finding(finding) for finding in findings],
        "generator": asdict(assess_generator(manifest)),
        "phases": [_phase(phase, counts, manifest) for phase in manifest.phases],
        "workers": [msgspec.to_builtins(worker) for worker in manifest.workers],
        "cleanup": _cleanup(counts, manifest),
        "preflight": _preflight(counts),
        "probes": _probes(counted.probes),
    }


def overall_verdict(findings: Sequence[Finding], attempts: int) -> Verdict:
    """The heaviest verdict; with no attempt since the load began at best unknown."""
    observed = [] if attempts else [Verdict.UNKNOWN]
    return overall([*observed, *(finding.verdict for finding in findings)])


def _totals(manifest: Manifest, counted: AttemptCounts, duration_s: float) -> dict[str, Any]:
    """``totals`` of every attempt, and ``load``: the same without probes and preflight."""
    workers, counts = manifest.workers, counted.outcomes
    load = counts[_is_load(counts)]
    # All attempts of a call are of one phase.
    parts = (counted.calls, counted.probe_calls, counted.preflight_calls)
    calls, calls_ok = (every - probe - before for every, probe, before in zip(*parts, strict=True))
    return {
        "totals": {
            **_sums(counts, duration_s, *counted.calls),
            "late_starts": sum(worker.late_starts for worker in workers),
            "unstarted_arrivals": sum(worker.unstarted_arrivals for worker in workers),
        },
        "load": {
            **_sums(load, duration_s, calls, calls_ok),
            "attempts_per_s": _load_rate_per_s(load, duration_s),
            "outcomes": _by_outcome(load),
        },
    }


def _sums(
    counts: pd.DataFrame, duration_s: float, calls: int, calls_ok: int
) -> dict[str, int | float]:
    return {
        "calls": calls,
        "calls_ok": calls_ok,
        **_attempts(counts, duration_s),
        "ok": _by_outcome(counts).get("ok", 0),
        "retries": int(counts["retries"].sum()),
    }


def _operations(
    counts: pd.DataFrame, measured: Latencies, probed: Latencies, duration_s: float
) -> dict[str, dict[str, Any]]:
    operations = {}
    for operation, rows in counts.groupby("operation"):
        name, probe = str(operation), rows["phase"] == PROBE
        load = rows[_is_load(rows)]
        operations[name] = {
            **_attempt_counts(rows, duration_s),
            **_latencies_ms(measured, name),
            "load": {
                **_attempt_counts(load, duration_s),
                "attempts_per_s": _load_rate_per_s(load, duration_s),
            },
            "probes": {**_attempt_counts(rows[probe], duration_s), **_latencies_ms(probed, name)},
        }
    return operations


def _is_load(counts: pd.DataFrame) -> pd.Series:
    """Which counts are of the load: neither of probes nor of the preflight."""
    return ~counts["phase"].isin([PROBE, PREFLIGHT])


def _attempt_counts(rows: pd.DataFrame, duration_s: float) -> dict[str, Any]:
    return {**_attempts(rows, duration_s), "outcomes": _by_outcome(rows)}


def _attempts(rows: pd.DataFrame, seconds: float) -> dict[str, Any]:
    attempts = int(rows["count"].sum())
    return {"attempts": attempts, "attempts_per_s": _rate_per_s(attempts, seconds)}


def _latencies_ms(measured: Latencies, operation: str) -> dict[str, dict[str, float | None]]:
    nothing = merge_distributions([])
    return {
        f"{metric}_ms": measured.distributions.get((operation, metric), nothing).describe_ms()
        for metric in METRICS
    }


def _phase(phase: PhaseWindow, counts: pd.DataFrame, manifest: Manifest) -> dict[str, Any]:
    rows = counts[counts["phase"] == phase.name]
    end_ns = min(phase.end_ns, manifest.ended_ns)  # a load may end before its plan
    seconds = max(end_ns - phase.start_ns, 0) / NS_PER_S
    return {
        "name": phase.name,
        "measured": phase.name in measured_phases(manifest),
        "start_s": (phase.start_ns - manifest.started_ns) / NS_PER_S,
        "duration_s": seconds,
        **_attempts(rows, seconds),
        "ok": _by_outcome(rows).get("ok", 0),
    }


def _cleanup(counts: pd.DataFrame, manifest: Manifest) -> dict[str, int]:
    rows = counts[counts["phase"] == ReservedPhase.CLEANUP]
    return {
        "attempts": int(rows["count"].sum()),
        "ok": _by_outcome(rows).get("ok", 0),
        "left_open": sum(worker.sweep_failed for worker in manifest.workers),
    }


def _preflight(counts: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Operation → outcome → attempts before the load."""
    rows = counts[counts["phase"] == PREFLIGHT]
    return {str(name): _by_outcome(group) for name, group in rows.groupby("operation")}


def _probes(probes: pd.DataFrame) -> dict[str, dict[str, dict[str, int]]]:
    """Operation → kind of probe → outcome → attempts."""
    counts_by_probe: dict[str, dict[str, dict[str, int]]] = {}
    for operation, probe, outcome, count in probes.to_numpy():
        counts_by_probe.setdefault(operation, {}).setdefault(probe, {})[outcome] = int(count)
    return counts_by_probe


def _by_outcome(counts: pd.DataFrame) -> dict[str, int]:
    sums = counts.groupby("outcome")["count"].sum()
    return {str(name): int(value) for name, value in sums.items()}


def _finding(finding: Finding) -> dict[str, Any]:
    rows = [dict(row) for row in finding.witness]
    named = {"name": finding.name, "kind": finding.kind, "verdict": str(finding.verdict)}
    return {**named, "detail": finding.detail, "witness": rows, "evidence": rows}


def _load_rate_per_s(load: pd.DataFrame, duration_s: float) -> float:
    """Attempts per second of load, without cleanup, which runs after it."""
    during = load.loc[load["phase"] != ReservedPhase.CLEANUP, "count"]
    return _rate_per_s(int(during.sum()), duration_s)


def _rate_per_s(count: int, seconds: float) -> float:
    return round(count / seconds, 4) if seconds > 0 else 0.0
