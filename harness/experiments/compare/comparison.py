"""
The comparison itself: every operation's metrics, their changes and verdicts.

compare.json (`Comparison.document`) keeps the promised keys; ``change`` is relative to
the baseline for times and throughput (0.1 is 10 % more), and a difference for the share
of an outcome (0.01 is one point of all attempts more).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.analysis.generator import assess
from harness.analysis.spectra import METRICS
from harness.experiments.compare import figures
from harness.experiments.compare.decision import (
    ALPHA,
    STEPS_MIN,
    TAIL_MIN,
    Effect,
    MetricVerdict,
    Sample,
    holm,
    judge,
    measure,
    needed_times,
)
from harness.experiments.compare.resampling import block_steps, degrees_of_freedom, draw
from harness.experiments.compare.sides import Floats, Run, Side, build_sides
from harness.thresholds import Thresholds

REPLICATES = 2000
_SEED = 20_231
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Change:
    """
    One metric of one operation.

    Attributes:
        operation, metric: ``create_session`` and ``response.p99``, ``throughput`` or
            ``outcome.timeout``.
        unit: ``ms``, ``per_s`` or ``share`` of the attempts.
        baseline, candidate: The figures; None where there is none.
        change, low, high: The change and its 95 % interval; None where not known.
        threshold: The practical threshold it was held against.
        p: One-sided p value of "worse", after Holm; None where not known.
        verdict: The answer.
        reason: Why it is inconclusive, in words; "" otherwise.
        needed_s: How long a run a side would be needed, seconds; None where that would
            not help or is not known.
        needed_runs: The same where it is runs that are too few.
    """

    operation: str
    metric: str
    unit: str
    baseline: float | None
    candidate: float | None
    threshold: float
    change: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    verdict: MetricVerdict = "inconclusive"
    reason: str = ""
    needed_s: float | None = None
    needed_runs: int | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    The answer.

    Attributes:
        baseline, candidate: Trial ids of the runs of each side.
        baseline_s, candidate_s: Measured seconds of each side.
        changes: Every metric, by operation.
        cautions: What a reader must know: differences that were waved through, doubts.
        doubtful: Why performance cannot be judged; "" when it can.
    """

    baseline: tuple[str, ...]
    candidate: tuple[str, ...]
    baseline_s: float
    candidate_s: float
    changes: tuple[Change, ...]
    cautions: tuple[str, ...] = ()
    doubtful: str = ""

    @property
    def verdict(self) -> MetricVerdict:
        """Regressed when any metric is, else inconclusive when any is, or there is none."""
        found = {change.verdict for change in self.changes}
        if "regressed" in found:
            return "regressed"
        return "pass" if found == {"pass"} else "inconclusive"

    def of(self, verdict: MetricVerdict) -> tuple[Change, ...]:
        """The changes with that verdict."""
        return tuple(change for change in self.changes if change.verdict == verdict)

    @property
    def needed_s(self) -> float | None:
        """How long a run would tell all that is inconclusive; None where none would."""
        return max((c.needed_s for c in self.changes if c.needed_s is not None), default=None)

    def document(self) -> dict[str, Any]:
        """compare.json."""
        return {
            "schema": 1,
            "verdict": self.verdict,
            "baseline": {"trials": list(self.baseline), "measured_s": self.baseline_s},
            "candidate": {"trials": list(self.candidate), "measured_s": self.candidate_s},
            "alpha": ALPHA,
            "needed_s": self.needed_s,
            "cautions": list(self.cautions),
            "metrics": [_metric(change) for change in self.changes],
        }


def _metric(change: Change) -> dict[str, Any]:
    return {
        "operation": change.operation,
        "metric": change.metric,
        "unit": change.unit,
        "baseline": change.baseline,
        "candidate": change.candidate,
        "change": change.change,
        "ci_low": change.low,
        "ci_high": change.high,
        "threshold": change.threshold,
        "p_adjusted": change.p,
        "verdict": change.verdict,
        "reason": change.reason,
        "needed_s": change.needed_s,
        "needed_runs": change.needed_runs,
    }


def compare(
    baseline: Sequence[Run],
    candidate: Sequence[Run],
    thresholds: Thresholds,
    *,
    cautions: Sequence[str] = (),
    replicates: int = REPLICATES,
) -> Comparison:
    """
    Compare two sides, of one run or more each.

    Args:
        baseline, candidate: The runs; at least one a side.
        thresholds: How much worse is too much.
        cautions: What the reader must know beside what is found here.
        replicates: Bootstrap replicates.

    Raises:
        TrialError: An interval holds no histogram.
    """
    sides = build_sides(baseline, candidate)
    spans = [sum(run.measured_s for run in side) for side in (baseline, candidate)]
    operations = sorted(set(sides[0].outcomes) | set(sides[1].outcomes))
    drafts: list[tuple[Change, Effect | None]] = []
    for operation in operations:
        both = (
            _Figures(sides[0], operation, replicates, 0),
            _Figures(sides[1], operation, replicates, 1),
        )
        drafts += [
            _draft(operation, metric, both, thresholds, max(spans)) for metric in _metrics(both)
        ]
    known = [effect.p for _, effect in drafts if effect is not None]
    adjusted = iter(holm(known))
    doubt = _doubt([*baseline, *candidate])
    changes = [
        draft
        if effect is None
        else _decide(draft, effect, next(adjusted), max(spans), doubt, sides)
        for draft, effect in drafts
    ]
    return Comparison(
        baseline=_names(baseline),
        candidate=_names(candidate),
        baseline_s=spans[0],
        candidate_s=spans[1],
        changes=tuple(changes),
        cautions=(*cautions, *([doubt] if doubt else [])),
        doubtful=doubt,
    )


def _names(runs: Sequence[Run]) -> tuple[str, ...]:
    return tuple(run.manifest.trial_id for run in runs)


class _Figures:
    """All samples of one operation on one side, under the same resampling."""

    def __init__(self, side: Side, operation: str, replicates: int, number: int) -> None:
        self.side, self.operation = side, operation
        self.attempts = float(figures.count_all(side, operation).sum())
        self.good = float(figures.count_ok(side, operation).sum())
        self.outcomes = side.outcomes.get(operation, {})
        block = block_steps(figures.persistent(side, operation), side.strata)
        rng = np.random.default_rng([_SEED, number, zlib.crc32(operation.encode())])
        drawn = draw(rng, side.strata, block, replicates)
        self._degrees = degrees_of_freedom(side.strata, block)
        runs = np.zeros((side.runs, side.steps))
        for stratum in side.strata:
            runs[stratum.run, stratum.first : stratum.first + stratum.steps] = 1
        # One pass over the counts serves the figure, each run alone, and the replicates.
        self._weights = np.concatenate((np.ones((1, side.steps)), runs, drawn))
        self._times: dict[str, dict[str, Floats]] = {}

    def values(self, metric: str) -> Floats | None:
        """The figure, that of each run, that of each replicate; None where there is none."""
        if metric == "throughput":
            return figures.throughput_per_s(self.side, self.operation, self._weights)
        kind, _, name = metric.partition(".")
        if kind == "outcome":
            if not self.attempts:
                return None
            return figures.share(self.side, self.operation, name, self._weights)
        times = self.side.times.get((self.operation, kind))
        if times is None:
            return None
        if kind not in self._times:
            self._times[kind] = figures.percentiles_ms(times, self.side.steps, self._weights)
        return self._times[kind][name]

    def sample(self, values: Floats, *, log: bool) -> Sample:
        """The values on the scale of effects."""
        scaled = np.log(np.maximum(values, _TINY)) if log else values
        last = 1 + self.side.runs
        return Sample(float(scaled[0]), scaled[last:], scaled[1:last], self._degrees)


def _metrics(both: tuple[_Figures, _Figures]) -> Iterator[str]:
    for clock in METRICS[::-1]:
        yield from (f"{clock}.{name}" for name in figures.names())
    yield "throughput"
    outcomes = set(both[0].outcomes) | set(both[1].outcomes)
    yield from (f"outcome.{name}" for name in sorted(outcomes - {"ok"}))


def _draft(
    operation: str,
    metric: str,
    both: tuple[_Figures, _Figures],
    thresholds: Thresholds,
    longest_s: float,
) -> tuple[Change, Effect | None]:
    """A change without its verdict, and its effect where that is known."""
    values = [side.values(metric) for side in both]
    seen = [None if v is None or not math.isfinite(v[0]) else float(v[0]) for v in values]
    unit = {"throughput": "per_s"}.get(
        metric, "share" if metric.startswith("outcome") else "ms"
    )
    threshold = thresholds.of(operation, metric)
    draft = Change(operation, metric, unit, seen[0], seen[1], threshold)
    fewest = min(side.good for side in both)
    if unit == "ms" and (wanted := _tail_samples(metric)) > fewest:
        return replace(
            draft,
            reason=f"{fewest:,.0f} good answers, {wanted:,} needed",
            needed_s=longest_s * wanted / fewest if fewest else None,
        ), None
    if values[0] is None or values[1] is None:
        return replace(draft, reason="only one side has attempts"), None
    if (steps := min(side.side.steps for side in both)) < STEPS_MIN:
        return replace(
            draft,
            reason="too short to see how seconds differ",
            needed_s=longest_s * 2 * STEPS_MIN / max(steps, 1),
        ), None
    log, sign = unit != "share", -1 if metric == "throughput" else 1
    samples = [
        side.sample(v, log=log) for side, v in zip(both, values, strict=True) if v is not None
    ]
    effect = measure(samples[0], samples[1], sign=sign)
    if effect is None:
        return replace(draft, reason="too few seconds hold an attempt"), None
    return _with_change(draft, effect, sign, log=log), effect


def _tail_samples(metric: str) -> int:
    fraction = figures.names()[metric.partition(".")[2]]
    return math.ceil(TAIL_MIN / (1 - fraction) * (1 - 1e-9))


def _with_change(draft: Change, effect: Effect, sign: int, *, log: bool) -> Change:
    """The effect as people read it: a relative change, or a difference."""
    ends = sorted(sign * end for end in (effect.low, effect.high))
    numbers = [sign * effect.value, *ends]
    change, low, high = (math.expm1(min(n, 50.0)) if log else n for n in numbers)
    return replace(draft, change=change, low=low, high=high)


def _decide(
    draft: Change,
    effect: Effect,
    adjusted_p: float,
    longest_s: float,
    doubt: str,
    sides: tuple[Side, Side],
) -> Change:
    threshold = _threshold(draft)
    verdict = judge(effect, adjusted_p, threshold)
    decided = replace(draft, p=adjusted_p, verdict=verdict)
    if doubt and draft.unit != "share":
        return replace(decided, verdict="inconclusive", reason="the generator was saturated")
    if verdict != "inconclusive":
        return decided
    factor = needed_times(effect, threshold)
    if effect.between:
        runs = math.ceil(factor * max(side.runs for side in sides))
        return replace(decided, reason="runs differ among themselves", needed_runs=runs)
    return replace(decided, reason="too few samples", needed_s=factor * longest_s)


def _threshold(change: Change) -> float:
    """A threshold on the scale of effects."""
    if change.unit == "share":
        return change.threshold
    if change.unit == "per_s":
        return -math.log1p(-min(change.threshold, 0.99))
    return math.log1p(change.threshold)


def _doubt(runs: Sequence[Run]) -> str:
    """Why performance cannot be judged; "" when it can."""
    for run in runs:
        health = assess(run.manifest)
        if health.saturated:
            return (
                f"the load generator was the bottleneck in {run.manifest.trial_id} "
                f"({health.reason}): performance is not judged"
            )
    return ""


def differences(
    baseline: Mapping[str, Any], candidate: Mapping[str, Any], prefix: str = ""
) -> Iterator[str]:
    """
    Where two documents differ, one line a key: ``plan.load.users: 100 → 200``.

    Lists are compared as wholes.
    """
    for key in sorted(set(baseline) | set(candidate)):
        one, other = (side.get(key, "absent") for side in (baseline, candidate))
        name = f"{prefix}{key}"
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from differences(one, other, f"{name}.")
        elif one != other:
            yield f"{name}: {_brief(one)} → {_brief(other)}"


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
