"""
Verdicts and findings: the only form in which the harness judges.

``fail > unknown > pass``: one failure outweighs every doubt, one doubt outweighs
every pass, and no observation at all is a doubt. After Jepsen's checkers, whose
``:unknown`` keeps a crashed or starved check from looking like a success.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

FindingKind = Literal["slo", "invariant"]


class Verdict(StrEnum):
    """The three answers a check can give."""

    PASS = "pass"  # noqa: S105  a verdict, not a password
    UNKNOWN = "unknown"
    FAIL = "fail"


_SEVERITY = {Verdict.PASS: 0, Verdict.UNKNOWN: 1, Verdict.FAIL: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What one check says, with its evidence.

    Attributes:
        name: The promise that was checked: ``idempotency.exactly_once``, or an
            SLO's source text.
        kind: ``slo`` for performance, ``invariant`` for correctness. Only the
            first kind turns unknown when the generator was saturated.
        verdict: The answer.
        detail: One sentence with the numbers: what was seen against what was asked.
        witness: The smallest rows that show it (flat, JSON-ready); empty on a pass.
    """

    name: str
    kind: FindingKind
    verdict: Verdict
    detail: str
    witness: tuple[Mapping[str, Any], ...] = field(default=())


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """The heaviest of the verdicts; unknown when there is none."""
    return max(verdicts, key=_SEVERITY.__getitem__, default=Verdict.UNKNOWN)
