"""
What a comparison says: every operation's metrics, their changes and verdicts.

compare.json (`Comparison.document`) keeps the promised keys; ``change`` is relative to
the baseline for times and throughput (0.1 is 10 % more), and a difference for the share
of an outcome (0.01 is one point of all attempts more).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.experiments.compare.decision import ALPHA, MetricVerdict


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
        baseline_labels, candidate_labels: What each run is called: the name of a baseline,
            else its trial id.
        baseline_s, candidate_s: Measured seconds of each side.
        changes: Every metric, by operation.
        cautions: What a reader must know: differences that were waved through, doubts.
        doubtful: Why performance cannot be judged; "" when it can.
    """

    baseline: tuple[str, ...]
    candidate: tuple[str, ...]
    baseline_labels: tuple[str, ...]
    candidate_labels: tuple[str, ...]
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
            "baseline": _side(self.baseline, self.baseline_labels, self.baseline_s),
            "candidate": _side(self.candidate, self.candidate_labels, self.candidate_s),
            "alpha": ALPHA,
            "needed_s": self.needed_s,
            "cautions": list(self.cautions),
            "doubtful": self.doubtful,
            "metrics": [_metric(change) for change in self.changes],
        }


def _side(trials: tuple[str, ...], labels: tuple[str, ...], measured_s: float) -> dict[str, Any]:
    return {"trials": list(trials), "called": list(labels), "measured_s": measured_s}


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
