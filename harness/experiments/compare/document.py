"""Read compare.json back."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import msgspec

from harness.experiments.compare.changes import Change, Comparison
from harness.json_aliases import add_aliases


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
