"""
Objectives judged on what a trial measured.

In: objectives (``harness.slo``), the interval histograms and the manifest. Out: one
finding of kind ``slo`` an objective, named by its source text. Only phases with
``measured = true`` count. What each objective means is told in ``harness.slo``.

When is the answer *unknown*, although a number could be computed?

- Nothing was observed.
- A percentile rests on too few attempts: below ``3 / (1 - q)`` of them fewer than three
  are expected beyond it. (By the rule of three, seeing none of n beyond the limit shows
  with 95 % confidence only that the share beyond it is under 3/n; Hanley and
  Lippman-Hand, JAMA 249 (1983).) It still *fails* when so many are over the limit that a
  target which just meets the objective would give as many in under 1 % of all trials.
- The generator was saturated (`explain_saturation`): its own delay is in every number.

Percentiles are read from the merged counts, at rank ``ceil(q n)``, as the upper end of
the histogram's bucket (3 significant digits).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from hdrh.histogram import HdrHistogram
from scipy import special

from harness.slo import Latency, Share, Slo
from harness.trial.schema import (
    HDR_DIGITS,
    HDR_HIGHEST_US,
    HDR_LOWEST_US,
    Manifest,
)
from harness.units import NS_PER_S
from harness.verdicts import Finding, Verdict

SATURATED_SHARE = 0.10
"""A worker that was the bottleneck for this share of the load spoils its numbers."""
LATE_SHARE = 0.01
"""So does one that began more than this share of its arrivals late."""
CLEAR = 0.01
"""How improbable a failure on few attempts must be before it counts as one."""

Spectrum = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Values in microseconds, rising, and how many attempts took each."""


def evaluate(
    slos: Sequence[Slo], intervals: pa.Table | pd.DataFrame, manifest: Manifest
) -> list[Finding]:
    """
    Judge every objective.

    Args:
        slos: The objectives.
        intervals: Table with the columns of ``harness.trial.schema.INTERVALS``.
        manifest: Tells which phases were measured and how the generator fared.

    Returns:
        One finding an objective, in the same order.
    """
    frame = _select_measured(intervals, manifest)
    saturation = explain_saturation(manifest)
    findings = []
    for slo in slos:
        finding = _judge(slo, frame, manifest)
        if saturation and finding.verdict is not Verdict.UNKNOWN:
            detail = f"{finding.detail}; but {saturation}"
            finding = replace(finding, verdict=Verdict.UNKNOWN, detail=detail, witness=())
        findings.append(finding)
    return findings


def explain_saturation(manifest: Manifest) -> str:
    """Say which worker was itself the bottleneck, and what to do; "" when none was."""
    load_s = (manifest.ended_ns - manifest.started_ns) / NS_PER_S
    for end in manifest.workers:
        reason = ""
        if end.saturated_s and end.saturated_s >= SATURATED_SHARE * load_s:
            reason = f"saturated for {end.saturated_s} s of {load_s:.0f} s"
        elif end.late_by_generator > LATE_SHARE * end.planned:
            reason = f"late with {end.late_by_generator:,} of {end.planned:,} arrivals"
        if reason:
            return (
                f"the generator itself was the bottleneck (worker {end.worker} was {reason}): "
                "run again with more --processes, fewer checks, or on another machine"
            )
    return ""


def _select_measured(intervals: pa.Table | pd.DataFrame, manifest: Manifest) -> pd.DataFrame:
    frame = intervals.to_pandas() if isinstance(intervals, pa.Table) else intervals
    measured = [window.name for window in manifest.phases if window.measured]
    return frame.loc[frame["phase"].isin(measured)]


def _judge(slo: Slo, frame: pd.DataFrame, manifest: Manifest) -> Finding:
    if slo.operation is not None:
        concerned = {name: slo.concerns(name) for name in frame["operation"].unique()}
        frame = frame.loc[frame["operation"].map(concerned).astype(bool)]
    counts = _count_outcomes(frame)
    if not counts:
        return _unknown(slo, f"no attempt{_of(slo)} in a measured phase")
    if isinstance(slo.subject, Latency):
        ok = frame.loc[(frame["outcome"] == "ok") & (frame["metric"] == slo.subject.clock)]
        if ok.empty:
            seen = ", ".join(f"{n:,} {outcome}" for outcome, n in counts.items())
            return _unknown(slo, f"no ok attempt{_of(slo)} to take a latency from ({seen})")
        return _judge_latency(slo, slo.subject, merge_spectrum(ok["hdr"]), ok)
    if isinstance(slo.subject, Share):
        return _judge_share(slo, slo.subject, counts, frame)
    return _judge_throughput(slo, counts, manifest)


def _judge_latency(slo: Slo, subject: Latency, spectrum: Spectrum, ok: pd.DataFrame) -> Finding:
    values_us, counts = spectrum
    n = int(counts.sum())
    over = int(counts[[not slo.holds(float(value)) for value in values_us]].sum())
    if subject.statistic == "mean":
        name, value = "mean", float(np.average(values_us, weights=counts))
    else:
        name = "max" if subject.statistic == "max" else f"p{100 * subject.quantile:.6g}"
        rank = math.ceil(round(subject.quantile * n, 6))
        value = float(values_us[np.searchsorted(np.cumsum(counts), max(rank, 1))])
    seen = f"{subject.clock} {name}{_of(slo)} was {slo.format(value)}"
    detail = f"{seen}, required {_required(slo)}, n = {n:,} ok attempts"
    holds = slo.holds(value)
    if subject.statistic == "percentile":
        needed = needed_attempts(subject.quantile)
        allowed = 1 - subject.quantile
        # P(at least `over` beyond the limit) for a target that just meets the objective.
        chance = float(special.bdtrc(over - 1, n, allowed))
        if n < needed and not (not holds and chance < CLEAR):
            return _unknown(slo, f"{detail}: too few, {needed:,} are needed to tell")
    witness = () if holds else _slowest_seconds(ok)
    return _finding(slo, holds=holds, detail=detail, witness=witness)


def _judge_share(
    slo: Slo, share: Share, counts: Mapping[str, int], frame: pd.DataFrame
) -> Finding:
    n = sum(counts.values())
    hits = sum(count for outcome, count in counts.items() if share.counts(outcome))
    value = hits / n
    detail = (
        f"{share.outcome}{_of(slo)}: {hits:,} of {n:,} attempts = {slo.format(value)}, "
        f"required {_required(slo)}"
    )
    holds = slo.holds(value)
    return _finding(slo, holds=holds, detail=detail, witness=() if holds else _outcomes(frame))


def _judge_throughput(slo: Slo, counts: Mapping[str, int], manifest: Manifest) -> Finding:
    windows = [window for window in manifest.phases if window.measured]
    length_s = sum(window.end_ns - window.start_ns for window in windows) / NS_PER_S
    ok = counts.get("ok", 0)
    if length_s <= 0:
        return _unknown(slo, "the measured phases have no length")
    value = ok / length_s
    detail = (
        f"throughput{_of(slo)} was {slo.format(value)} ({ok:,} ok attempts in "
        f"{length_s:.4g} s), required {_required(slo)}"
    )
    return _finding(slo, holds=slo.holds(value), detail=detail)


def needed_attempts(quantile: float) -> int:
    """How many attempts a percentile needs before it means something: 3 / (1 - q)."""
    return math.ceil(round(3 / (1 - quantile), 6))


def merge_spectrum(histograms: Iterable[bytes]) -> Spectrum:
    """
    Merge encoded histograms and read every bucket in use.

    Args:
        histograms: HdrHistogram V2, compressed, base64; microseconds.

    Returns:
        The buckets' upper ends in microseconds, rising, and their counts.
    """
    merged = HdrHistogram(HDR_LOWEST_US, HDR_HIGHEST_US, HDR_DIGITS)
    for encoded in histograms:
        merged.decode_and_add(encoded)
    buckets = [
        (
            merged.get_highest_equivalent_value(item.value_iterated_to),
            item.count_at_value_iterated_to,
        )
        for item in merged.get_recorded_iterator()
    ]
    values, counts = zip(*buckets, strict=True) if buckets else ((), ())
    return np.array(values, dtype=np.int64), np.array(counts, dtype=np.int64)


def _count_outcomes(frame: pd.DataFrame) -> dict[str, int]:
    """Attempts by outcome, the most frequent first; every attempt has a service row."""
    service = frame.loc[frame["metric"] == "service"]
    counts = (
        service.groupby("outcome", observed=True)["count"].sum().sort_values(ascending=False)
    )
    return {str(outcome): int(count) for outcome, count in counts.items() if count}


def _slowest_seconds(ok: pd.DataFrame) -> tuple[dict[str, Any], ...]:
    """The three seconds (of one operation) that hold the largest values."""
    maxima_us = [HdrHistogram.decode(encoded).get_max_value() for encoded in ok["hdr"]]
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
    """The five most frequent endings, by operation."""
    service = frame.loc[frame["metric"] == "service"]
    counts = (
        service.groupby(["operation", "outcome"], observed=True)["count"].sum().reset_index()
    )
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
