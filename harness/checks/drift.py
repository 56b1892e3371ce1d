"""
Drift: over a long steady load, p50, p99 and the error rate must not rise.

Only where nothing else could make them: one measured phase, at a constant rate, of at
least ten minutes. A sag is no finding: caches warm up.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from harness.analysis.drift import POINTS_MIN, RISE_MIN, Drift, find_drift, find_slope
from harness.analysis.generator import assess
from harness.analysis.spectra import latencies
from harness.analysis.timeline import count_by_second, latency_by_second
from harness.trial.schema import Manifest
from harness.units import NS_PER_S
from harness.verdicts import Finding, Verdict

STRETCHES = 60
LONG_S = 600
ERRORS_RISE_MIN = 0.005
_NO_ERRORS = ("ok", "rate_limited", "capacity_full")


def judge_drift(intervals: pa.Table, manifest: Manifest) -> list[Finding]:
    """
    Findings on a long steady load; none for any other.

    Args:
        intervals: Rows of ``harness.trial.schema.INTERVALS``.
        manifest: Of the trial.
    """
    phase = _steady_phase(manifest)
    if phase is None:
        return []
    name, start_s, duration_s = phase
    step_s = max(1, duration_s // STRETCHES)
    inside = intervals.filter(
        pc.and_(
            pc.equal(intervals["phase"].cast(pa.string()), name),
            # Whole stretches only: a sliver at either end is mostly noise.
            pc.and_(
                pc.greater_equal(intervals["second"], -(-start_s // step_s) * step_s),
                pc.less(intervals["second"], (start_s + duration_s) // step_s * step_s),
            ),
        )
    )
    times = latency_by_second(latencies(inside, {name}), "response", step_s=step_s)
    findings = [_judge(p, find_drift(times[p].to_numpy())) for p in ("p50", "p99")]
    findings.append(_judge_errors(inside, step_s))
    health = assess(manifest)
    if health.saturated:
        return [
            Finding(f.name, f.kind, Verdict.UNKNOWN, f"the generator was saturated; {f.detail}")
            for f in findings
        ]
    return findings


def _steady_phase(manifest: Manifest) -> tuple[str, int, int] | None:
    """Name, first whole second and whole seconds of the one measured phase; None else."""
    measured = [phase for phase in manifest.phases if phase.measured]
    if manifest.model != "open" or len(measured) != 1:
        return None
    phase = measured[0]
    planned = {p.get("name"): p for p in manifest.plan.get("load", {}).get("phases", [])}
    rate = planned.get(phase.name, {}).get("rate")
    if isinstance(rate, list | tuple) and len(set(rate)) != 1:
        return None
    start_s = -(-phase.start_ns // NS_PER_S)
    duration_s = min(phase.end_ns, manifest.ended_ns) // NS_PER_S - start_s
    return (phase.name, start_s, duration_s) if duration_s >= LONG_S else None


def _judge(name: str, drift: Drift | None) -> Finding:
    if drift is None:
        detail = f"fewer than {POINTS_MIN} stretches of the load have a {name}"
        return Finding(f"drift.{name}", "slo", Verdict.UNKNOWN, detail)
    detail = (
        f"{name} changed by {drift.rise:+.1%} over the load "
        f"({drift.low:+.1%} to {drift.high:+.1%})"
    )
    jumped = drift.step_at is not None and drift.step >= RISE_MIN
    if drift.step_at is not None:
        detail += f", with a step of {drift.step:+.1%} at stretch {drift.step_at}"
    verdict = Verdict.FAIL if drift.rises or jumped else Verdict.PASS
    return Finding(f"drift.{name}", "slo", verdict, detail)


def _judge_errors(intervals: pa.Table, step_s: int) -> Finding:
    counts = count_by_second(intervals, step_s=step_s)
    total = counts.sum(axis=1).to_numpy()
    bad = counts.drop(columns=[n for n in _NO_ERRORS if n in counts]).sum(axis=1).to_numpy()
    shares = bad[total > 0] / total[total > 0]
    if len(shares) < POINTS_MIN:
        detail = f"fewer than {POINTS_MIN} stretches of the load have an attempt"
        return Finding("drift.errors", "slo", Verdict.UNKNOWN, detail)
    found = find_slope(shares)
    whole = len(shares) - 1
    rise, low, high = (slope * whole for slope in (found.estimate, found.low, found.high))
    rises = low > 0 and rise >= ERRORS_RISE_MIN
    detail = f"the error rate changed by {rise:+.2%} over the load ({low:+.2%} to {high:+.2%})"
    return Finding("drift.errors", "slo", Verdict.FAIL if rises else Verdict.PASS, detail)
