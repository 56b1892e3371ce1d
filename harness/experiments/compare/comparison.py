"""Compare two sides: every operation's metrics with their verdicts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec.structs import replace

from harness.analysis.generator import assess_generator
from harness.experiments.compare import statistics
from harness.experiments.compare.bootstrap import BootstrapSamples, metrics_of
from harness.experiments.compare.changes import Change, Comparison
from harness.experiments.compare.decision import (
    STEPS_MIN,
    TAIL_MIN,
    Effect,
    decide,
    estimate_effect,
    holm,
    needed_factor,
)
from harness.experiments.compare.samples import Side, TrialSample, build_sides
from harness.plan.tolerances import Tolerances

REPLICATES = 2000


def compare(
    baseline: Sequence[TrialSample],
    candidate: Sequence[TrialSample],
    tolerances: Tolerances,
    *,
    cautions: Sequence[str] = (),
    replicates: int = REPLICATES,
) -> Comparison:
    """
    Compare two sides of at least one trial each; TrialError if a histogram is missing.

    `cautions` are further warnings for the reader.
    """
    sides = build_sides(baseline, candidate)
    spans = [sum(trial.measured_s for trial in side) for side in (baseline, candidate)]
    operations = sorted(set(sides[0].outcomes) | set(sides[1].outcomes))
    drafts: list[tuple[Change, Effect | None]] = []
    for operation in operations:
        both = (
            BootstrapSamples(sides[0], operation, replicates, 0),
            BootstrapSamples(sides[1], operation, replicates, 1),
        )
        drafts += [
            _draft_change(operation, metric, both, tolerances, max(spans))
            for metric in metrics_of(both)
        ]
    adjusted = iter(holm([effect.p for _, effect in drafts if effect is not None]))
    warning = _saturation_warning([*baseline, *candidate])
    changes = [
        draft
        if effect is None
        else _decide(draft, effect, next(adjusted), max(spans), warning, sides)
        for draft, effect in drafts
    ]
    return Comparison(
        baseline=_ids(baseline),
        candidate=_ids(candidate),
        baseline_labels=tuple(trial.label for trial in baseline),
        candidate_labels=tuple(trial.label for trial in candidate),
        baseline_s=spans[0],
        candidate_s=spans[1],
        changes=tuple(changes),
        cautions=(*cautions, *([warning] if warning else [])),
        doubtful=warning,
    )


def _ids(trials: Sequence[TrialSample]) -> tuple[str, ...]:
    return tuple(trial.manifest.trial_id for trial in trials)


def _draft_change(
    operation: str,
    metric: str,
    both: tuple[BootstrapSamples, BootstrapSamples],
    tolerances: Tolerances,
    longest_s: float,
) -> tuple[Change, Effect | None]:
    """A change without its verdict, and its effect; None where it is unknown."""
    values = [side.values(metric) for side in both]
    seen = [None if v is None or not math.isfinite(v[0]) else float(v[0]) for v in values]
    unit = {"throughput": "per_s"}.get(metric, "share" if metric.startswith("outcome") else "ms")
    threshold = tolerances.of(operation, metric)
    draft = Change(operation, metric, unit, seen[0], seen[1], threshold)
    fewest = min(side.good for side in both)
    if unit == "ms" and (wanted := _tail_samples(metric)) > fewest:
        return replace(
            draft,
            reason=f"{fewest:,.0f} successes, {wanted:,} needed",
            needed_s=longest_s * wanted / fewest if fewest else None,
        ), None
    if values[0] is None or values[1] is None:
        return replace(draft, reason="only one side has attempts"), None
    if (steps := min(side.side.steps for side in both)) < STEPS_MIN:
        return replace(
            draft,
            reason="too short to estimate the variance",
            needed_s=longest_s * 2 * STEPS_MIN / max(steps, 1),
        ), None
    log, sign = unit != "share", -1 if metric == "throughput" else 1
    samples = [
        side.sample(v, log=log) for side, v in zip(both, values, strict=True) if v is not None
    ]
    effect = estimate_effect(samples[0], samples[1], sign=sign)
    if effect is None:
        return replace(draft, reason="too few seconds with an attempt"), None
    return _with_change(draft, effect, sign, log=log), effect


def _tail_samples(metric: str) -> int:
    fraction = statistics.percentile_fractions()[metric.partition(".")[2]]
    return math.ceil(TAIL_MIN / (1 - fraction) * (1 - 1e-9))


def _with_change(draft: Change, effect: Effect, sign: int, *, log: bool) -> Change:
    """Add the effect as a relative change, or as a difference of shares."""
    ends = sorted(sign * end for end in (effect.low, effect.high))
    numbers = [sign * effect.value, *ends]
    change, low, high = (math.expm1(min(n, 50.0)) if log else n for n in numbers)
    return replace(draft, change=change, low=low, high=high)


def _decide(
    draft: Change,
    effect: Effect,
    adjusted_p: float,
    longest_s: float,
    warning: str,
    sides: tuple[Side, Side],
) -> Change:
    threshold = _threshold(draft)
    verdict = decide(effect, adjusted_p, threshold)
    decided = replace(draft, p=adjusted_p, verdict=verdict)
    if warning and draft.unit != "share":
        return replace(decided, verdict="inconclusive", reason="the generator was saturated")
    if verdict != "inconclusive":
        return decided
    factor = needed_factor(effect, threshold)
    if effect.between_trials:
        trials = math.ceil(factor * max(side.trials for side in sides))
        return replace(decided, reason="trials differ among themselves", needed_runs=trials)
    return replace(decided, reason="too few samples", needed_s=factor * longest_s)


def _threshold(change: Change) -> float:
    """The tolerance on the scale of effects."""
    if change.unit == "share":
        return change.threshold
    if change.unit == "per_s":
        return -math.log1p(-min(change.threshold, 0.99))
    return math.log1p(change.threshold)


def _saturation_warning(trials: Sequence[TrialSample]) -> str:
    """Why performance cannot be judged; "" if it can."""
    for trial in trials:
        health = assess_generator(trial.manifest)
        if health.saturated:
            return (
                f"the load generator was the bottleneck in {trial.manifest.trial_id} "
                f"({health.reason}), so performance is not judged"
            )
    return ""
