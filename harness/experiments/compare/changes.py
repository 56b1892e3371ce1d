"""
The result of a comparison: every operation's metrics, their changes and verdicts.

``change`` is relative to the baseline for times and throughput (0.1 is 10 % more), and a
difference for the share of an outcome (0.01 is one percentage point of all attempts).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from harness.experiments.compare.decision import ALPHA, MetricVerdict
from harness.json_aliases import add_aliases


class Change(
    msgspec.Struct, frozen=True, rename={"low": "ci_low", "high": "ci_high", "p": "p_adjusted"}
):
    """
    One metric of one operation, as compare.json has it.

    Attributes:
        operation, metric: ``create_session`` and ``response.p99``, ``throughput`` or
            ``outcome.timeout``.
        change, low, high: The change and its 95 % interval; None if unknown.
        needed_s: Measured seconds per side that would decide it; None if unknown, or if
            more load would not help.
    """

    operation: str
    metric: str
    unit: str  # ``ms``, ``per_s`` or ``share`` of the attempts
    baseline: float | None  # baseline, candidate: The values; None where there is none
    candidate: float | None
    threshold: Annotated[float, msgspec.Meta(gt=0)]  # The practical tolerance
    change: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None  # One-sided p value of "worse", after Holm; None if unknown
    verdict: MetricVerdict = "inconclusive"
    reason: str = ""  # Why it is inconclusive; "" otherwise
    needed_s: float | None = None
    needed_runs: int | None = None  # The same in trials, where these differ among themselves


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    The changes between two sides.

    Attributes:
        baseline_labels, candidate_labels: Name of each trial's baseline, else its trial id.
    """

    baseline: tuple[str, ...]  # baseline, candidate: Trial ids of each side
    candidate: tuple[str, ...]
    baseline_labels: tuple[str, ...]
    candidate_labels: tuple[str, ...]
    baseline_s: float  # baseline_s, candidate_s: Measured seconds of each side
    candidate_s: float
    changes: tuple[Change, ...]  # Every metric, by operation
    cautions: tuple[str, ...] = ()  # Warnings for the reader: accepted differences, doubts
    doubtful: str = ""  # Why performance cannot be judged; "" if it can

    @property
    def verdict(self) -> MetricVerdict:
        """Regressed if any metric is, else inconclusive if any is or there is none."""
        found = {change.verdict for change in self.changes}
        if "regressed" in found:
            return "regressed"
        return "pass" if found == {"pass"} else "inconclusive"

    def of(self, verdict: MetricVerdict) -> tuple[Change, ...]:
        """The changes with that verdict."""
        return tuple(change for change in self.changes if change.verdict == verdict)

    @property
    def needed_s(self) -> float | None:
        """Measured seconds per side that would decide every metric; None if unknown."""
        return max((c.needed_s for c in self.changes if c.needed_s is not None), default=None)

    def document(self) -> dict[str, Any]:
        """compare.json."""
        document: dict[str, Any] = {
            "schema": 1,
            "verdict": self.verdict,
            "baseline": _side(self.baseline, self.baseline_labels, self.baseline_s),
            "candidate": _side(self.candidate, self.candidate_labels, self.candidate_s),
            "alpha": ALPHA,
            "needed_s": self.needed_s,
            "cautions": list(self.cautions),
            "doubtful": self.doubtful,
            "metrics": [msgspec.to_builtins(change) for change in self.changes],
        }
        return add_aliases("compare", document)


def _side(trials: tuple[str, ...], labels: tuple[str, ...], measured_s: float) -> dict[str, Any]:
    return {"trials": list(trials), "called": list(labels), "measured_s": measured_s}


class _Side(msgspec.Struct, frozen=True):
    trials: tuple[str, ...]
    measured_s: float
    called: tuple[str, ...] = ()  # absent from older documents

    @property
    def labels(self) -> tuple[str, ...]:
        return self.called if len(self.called) == len(self.trials) else self.trials


class _Document(msgspec.Struct, frozen=True):
    baseline: _Side
    candidate: _Side
    metrics: tuple[Change, ...]
    cautions: tuple[str, ...] = ()
    doubtful: str = ""


def read_comparison(document: Mapping[str, Any]) -> Comparison | None:
    """The comparison of a document; None if the document is of another kind."""
    try:
        parsed = msgspec.convert(add_aliases("compare", copy.deepcopy(dict(document))), _Document)
    except msgspec.ValidationError:
        return None
    return Comparison(
        parsed.baseline.trials,
        parsed.candidate.trials,
        parsed.baseline.labels,
        parsed.candidate.labels,
        parsed.baseline.measured_s,
        parsed.candidate.measured_s,
        parsed.metrics,
        parsed.cautions,
        parsed.doubtful,
    )
