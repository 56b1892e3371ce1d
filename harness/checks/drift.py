"""
Drift: over a long steady load, p50, p99 and the error rate must not rise.

Checked for one measured phase at a constant rate of at least ten minutes, or three if the
plan asks for it (``[slo] drift = true``). A fall is not a finding: caches warm up. An
interval that includes a rise of 20 % does not pass.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from harness.analysis.distributions import latencies
from harness.analysis.drift import POINTS_MIN, RISE_MIN, find_drift, find_slope
from harness.analysis.generator import assess_generator
from harness.analysis.timeline import count_by_second, latency_by_second
from harness.trial.schema import Manifest
from harness.units import NS_PER_S, format_duration
from harness.verdicts import Finding, Verdict

WINDOWS = 60
LONG_S = 600
SHORTEST_S = 180
"""In a shorter phase a slow minute looks like drift."""
RISE_MISSED = 0.2
"""The rise of p50 or p99 that an interval must exclude to pass."""
ERRORS_RISE_MIN = 0.005
_PARTS = 6
_NO_ERRORS = ("ok", "rate_limited", "capacity_full")


def check_drift(intervals: pa.Table, manifest: Manifest) -> list[Finding]:
    """
    Findings on a long steady load; none for another load unless the plan asks for them.

    ``intervals`` has the columns of ``harness.trial.schema.INTERVALS``.
    """
    asked = bool(manifest.plan.get("slo", {}).get("drift"))
    phase = _steady_phase(manifest)
    if phase is None or phase.duration_s < (SHORTEST_S if asked else LONG_S):
        return [_unknown(name, _why_not(phase)) for name in ("p50", "p99", "errors") if asked]
    step_s = max(1, phase.duration_s // WINDOWS)
    end_s = phase.start_s + phase.duration_s
    inside = intervals.filter(
        pc.and_(
            pc.equal(intervals["phase"].cast(pa.string()), phase.name),
            # Complete intervals only: a partial one at either end is mostly noise.
            pc.and_(
                pc.greater_equal(intervals["second"], -(-phase.start_s // step_s) * step_s),
                pc.less(intervals["second"], end_s // step_s * step_s),
            ),
        )
    )
    response = inside.filter(pc.equal(inside["metric"].cast(pa.string()), "response"))
    measured = latencies(response, {phase.name}, step_s)
    times = latency_by_second(measured, "response", step_s=step_s)
    findings = [_check_latency(p, times[p], step_s) for p in ("p50", "p99")]
    findings.append(_check_errors(inside, step_s))
    health = assess_generator(manifest)
    if health.saturated:
        return [
            replace(f, verdict=Verdict.UNKNOWN, detail=f"the generator was saturated; {f.detail}")
            for f in findings
        ]
    return findings


@dataclass(frozen=True, slots=True)
class _SteadyPhase:
    """The one measured phase, in whole seconds."""

    name: str
    start_s: int
    duration_s: int


def _steady_phase(manifest: Manifest) -> _SteadyPhase | None:
    """The one measured phase of an open load at a constant rate; None for any other load."""
    measured = [phase for phase in manifest.phases if phase.measured]
    if manifest.model != "open" or len(measured) != 1:
        return None
    phase = measured[0]
    planned = {p.get("name"): p for p in manifest.plan.get("load", {}).get("phases", [])}
    rate = planned.get(phase.name, {}).get("rate")
    if isinstance(rate, list | tuple) and len(set(rate)) != 1:
        return None
    start_s = -(-phase.start_ns // NS_PER_S)
    return _SteadyPhase(
        phase.name, start_s, min(phase.end_ns, manifest.ended_ns) // NS_PER_S - start_s
    )


def _why_not(phase: _SteadyPhase | None) -> str:
    if phase is None:
        return "drift needs exactly one measured phase with open load at a constant rate"
    return f"the load took {phase.duration_s} s; drift needs at least {SHORTEST_S} s"


def _unknown(name: str, detail: str) -> Finding:
    return Finding(f"drift.{name}", "slo", Verdict.UNKNOWN, detail)


def _check_latency(name: str, times: pd.Series, step_s: int) -> Finding:
    drift = find_drift(times.to_numpy())
    if drift is None:
        return _unknown(name, f"fewer than {POINTS_MIN} intervals of the load have a {name}")
    detail = (
        f"{name} changed by {_percent(drift.rise)} over the load "
        f"({_percent(drift.low)} to {_percent(drift.high)})"
    )
    jumped = drift.step_at is not None and drift.step >= RISE_MIN
    if drift.step_at is not None:
        after = format_duration(drift.step_at * step_s * NS_PER_S)
        detail += f", with a step of {_percent(drift.step)} after {after}"
    if drift.rises or jumped:
        evidence = _parts(name, times, step_s)
        return Finding(f"drift.{name}", "slo", Verdict.FAIL, detail, evidence)
    if drift.high >= RISE_MISSED:
        return _unknown(name, f"{detail}: too few attempts to rule out {100 * RISE_MISSED:.0f} %")
    return Finding(f"drift.{name}", "slo", Verdict.PASS, detail)


def _parts(name: str, times: pd.Series, step_s: int) -> tuple[dict[str, float], ...]:
    """The median level of each sixth of the load."""
    seen = times.dropna()
    at_s = seen.index.to_numpy() - seen.index[0]
    return tuple(
        {
            "from_s": int(at_s[part[0]]),
            "to_s": int(at_s[part[-1]]) + step_s,
            f"{name}_ms": round(float(np.median(seen.to_numpy()[part])), 3),
        }
        for part in np.array_split(np.arange(len(seen)), _PARTS)
    )


def _percent(change: float) -> str:
    return f"{100 * change:+.1f} %"


def _check_errors(intervals: pa.Table, step_s: int) -> Finding:
    counts = count_by_second(intervals, step_s=step_s)
    total = counts.sum(axis=1).to_numpy()
    bad = counts.drop(columns=[n for n in _NO_ERRORS if n in counts]).sum(axis=1).to_numpy()
    shares = bad[total > 0] / total[total > 0]
    if len(shares) < POINTS_MIN:
        return _unknown("errors", f"fewer than {POINTS_MIN} intervals of the load have an attempt")
    if not shares.any():
        return Finding("drift.errors", "slo", Verdict.PASS, "no attempt ended in an error")
    found = find_slope(shares)
    span = len(shares) - 1
    rise, low, high = (slope * span for slope in (found.estimate, found.low, found.high))
    rises = low > 0 and rise >= ERRORS_RISE_MIN
    detail = (
        f"the error rate changed by {100 * rise:+.2f} percentage points over the load "
        f"({100 * low:+.2f} to {100 * high:+.2f})"
    )
    return Finding("drift.errors", "slo", Verdict.FAIL if rises else Verdict.PASS, detail)
