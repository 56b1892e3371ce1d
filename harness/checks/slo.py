"""
Evaluate objectives (``harness.plan.slo``) on the measured phases of a trial.

A finding is *unknown* although a number exists in these cases:

- Nothing was observed.
- A percentile has fewer than ``3 / (1 - q)`` attempts, so fewer than three are expected
  beyond it (rule of three: none of n beyond the limit shows with 95 % confidence only that
  the share is under 3/n; Hanley and Lippman-Hand, JAMA 249 (1983)). It still *fails* if a
  target that just meets the objective would exceed the limit as often in under 1 % of trials.
- The generator was saturated (`harness.analysis.generator`), which delays every number.

Percentiles and means are those of the summary (`harness.analysis.distributions`): read from the
merged counts, at rank ``ceil(q n)``, as the upper end of the histogram's bucket.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from harness.analysis.distributions import LatencyDistribution
from harness.analysis.generator import assess_generator
from harness.analysis.hdr_decode import BUCKET_COUNT, BucketCounts, decode
from harness.plan.slo import Latency, Share, Slo
from harness.trial.histograms import bucket_highest_us
from harness.trial.schema import Manifest
from harness.units import NS_PER_S
from harness.verdicts import Finding, Verdict

CLEAR = 0.01
"""Probability below which a failure on few attempts counts."""
REMEDY = "run again with more --processes, fewer probes, or on another machine"
"""The remedy for a saturated generator."""


def evaluate(
    slos: Sequence[Slo], intervals: pa.Table | pd.DataFrame, manifest: Manifest
) -> list[Finding]:
    """
    One finding per objective, in the same order, named by its source text.

    ``intervals`` has the columns of ``harness.trial.schema.INTERVALS``.
    """
    frame = _select_measured(intervals, manifest)
    health = assess_generator(manifest)
    findings = []
    for slo in slos:
        finding = _judge(slo, frame, manifest)
        if health.saturated and finding.verdict is not Verdict.UNKNOWN:
            detail = f"{finding.detail}; but {health.reason}: {REMEDY}"
            finding = replace(finding, verdict=Verdict.UNKNOWN, detail=detail, witness=())
        findings.append(finding)
    return findings


def _select_measured(intervals: pa.Table | pd.DataFrame, manifest: Manifest) -> pd.DataFrame:
    frame = intervals.to_pandas() if isinstance(intervals, pa.Table) else intervals
    measured = [window.name for window in manifest.phases if window.measured]
    return frame.loc[frame["phase"].isin(measured)]


def _judge(slo: Slo, frame: pd.DataFrame, manifest: Manifest) -> Finding:
    if slo.operation is not None:
        concerned = {name: slo.applies_to(name) for name in frame["operation"].unique()}
        frame = frame.loc[frame["operation"].map(concerned).astype(bool)]
    counts = _count_outcomes(frame)
    if not counts:
        return _unknown(slo, f"no attempt{_of(slo)} in a measured phase")
    if isinstance(slo.subject, Latency):
        ok = frame.loc[(frame["outcome"] == "ok") & (frame["metric"] == slo.subject.clock)]
        if ok.empty:
            seen = ", ".join(f"{n:,} {outcome}" for outcome, n in counts.items())
            return _unknown(slo, f"no ok attempt{_of(slo)} to take a latency from ({seen})")
        return _judge_latency(slo, slo.subject, ok)
    if isinstance(slo.subject, Share):
        return _judge_share(slo, slo.subject, counts, frame)
    return _judge_throughput(slo, counts, manifest)


def _judge_latency(slo: Slo, subject: Latency, ok: pd.DataFrame) -> Finding:
    bucket_counts = decode(ok["hdr"])
    distribution = LatencyDistribution(
        np.bincount(bucket_counts.bucket, bucket_counts.counts, BUCKET_COUNT).astype(np.int64)
    )
    n = distribution.total
    buckets = np.flatnonzero(distribution.counts)
    beyond = [not slo.is_met_by(float(value)) for value in bucket_highest_us(buckets)]
    over = int(distribution.counts[buckets[beyond]].sum())
    if subject.statistic == "mean":
        name, value = "mean", distribution.mean_us()
    else:
        name = "max" if subject.statistic == "max" else f"p{100 * subject.quantile:.6g}"
        value = float(distribution.percentile_us(subject.quantile))
    seen = f"{subject.clock} {name}{_of(slo)} was {slo.format_exact(value)}"
    detail = f"{seen}, required {_required(slo)}, n = {n:,} ok attempts"
    holds = slo.is_met_by(value)
    if subject.statistic == "percentile":
        needed = needed_attempts(subject.quantile)
        if n < needed and (holds or _chance(over, n, 1 - subject.quantile) >= CLEAR):
            return _unknown(slo, f"{detail}: too few, {needed:,} are needed")
    witness = () if holds else _slowest_seconds(ok, bucket_counts)
    return _finding(slo, holds=holds, detail=detail, witness=witness)


def _chance(over: int, n: int, allowed: float) -> float:
    """P(at least `over` of n beyond the limit) for a target that just meets the objective."""
    from scipy import special  # noqa: PLC0415  slow to import, and few trials need it

    return float(special.bdtrc(over - 1, n, allowed))


def _judge_share(slo: Slo, share: Share, counts: Mapping[str, int], frame: pd.DataFrame) -> Finding:
    n = sum(counts.values())
    hits = sum(count for outcome, count in counts.items() if share.counts(outcome))
    value = hits / n
    detail = (
        f"{share.outcome}{_of(slo)}: {hits:,} of {n:,} attempts = {slo.format_exact(value)}, "
        f"required {_required(slo)}"
    )
    holds = slo.is_met_by(value)
    # The outcome itself shows too many, the other outcomes show too few.
    blamed = {o for o in counts if share.counts(o) == slo.comparison.startswith("<")}
    witness = () if holds else _outcomes(frame.loc[frame["outcome"].isin(blamed)])
    return _finding(slo, holds=holds, detail=detail, witness=witness)


def _judge_throughput(slo: Slo, counts: Mapping[str, int], manifest: Manifest) -> Finding:
    windows = [window for window in manifest.phases if window.measured]
    length_s = sum(window.end_ns - window.start_ns for window in windows) / NS_PER_S
    ok = counts.get("ok", 0)
    if length_s <= 0:
        return _unknown(slo, "the measured phases have no length")
    value = ok / length_s
    detail = (
        f"throughput{_of(slo)} was {slo.format_exact(value)} ({ok:,} ok attempts in "
        f"{length_s:.4g} s), required {_required(slo)}"
    )
    return _finding(slo, holds=slo.is_met_by(value), detail=detail)


def needed_attempts(quantile: float) -> int:
    """How many attempts a percentile needs before it means something: 3 / (1 - q)."""
    return math.ceil(round(3 / (1 - quantile), 6))


def _count_outcomes(frame: pd.DataFrame) -> dict[str, int]:
    """Attempts by outcome, the most frequent first; every attempt has a service row."""
    service = frame.loc[frame["metric"] == "service"]
    counts = service.groupby("outcome", observed=True)["count"].sum().sort_values(ascending=False)
    return {str(outcome): int(count) for outcome, count in counts.items() if count}


def _slowest_seconds(ok: pd.DataFrame, bucket_counts: BucketCounts) -> tuple[dict[str, Any], ...]:
    """The three seconds (of one operation) that hold the largest values."""
    # Bins rise within a row, so its last cell is its largest value.
    last = np.searchsorted(bucket_counts.row, np.arange(len(ok)), side="right") - 1
    maxima_us = bucket_highest_us(bucket_counts.bucket[last].astype(np.int64))
    worst = ok.assign(max_us=maxima_us).nlargest(3, "max_us")
    return tuple(
        {
            "second": int(row["second"]),
            "operation": str(row["operation"]),
            "attempts": int(row["count"]),
            "max_ms": row["max_us"] / 1_000,
        }
        for row in worst.to_dict("records")
    )


def _outcomes(frame: pd.DataFrame) -> tuple[dict[str, Any], ...]:
    """The five most frequent of the endings given, by operation."""
    service = frame.loc[frame["metric"] == "service"]
    counts = service.groupby(["operation", "outcome"], observed=True)["count"].sum().reset_index()
    return tuple(
        {
            "operation": str(row["operation"]),
            "outcome": str(row["outcome"]),
            "attempts": int(row["count"]),
        }
        for row in counts.nlargest(5, "count").to_dict("records")
    )


def _of(slo: Slo) -> str:
    return f" of {slo.operation}" if slo.operation else ""


def _required(slo: Slo) -> str:
    return f"{slo.comparison} {slo.format(slo.limit)}"


def _unknown(slo: Slo, detail: str) -> Finding:
    return Finding(slo.source, "slo", Verdict.UNKNOWN, detail)


def _finding(
    slo: Slo, *, holds: bool, detail: str, witness: tuple[dict[str, Any], ...] = ()
) -> Finding:
    return Finding(slo.source, "slo", Verdict.PASS if holds else Verdict.FAIL, detail, witness)
