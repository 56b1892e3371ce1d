"""
Verdicts and findings.

``fail > unknown > pass``: one failure outweighs every unknown, one unknown outweighs every
pass, and no observation at all is unknown. After Jepsen's checkers, whose ``:unknown`` keeps a
crashed or starved check from looking like a success.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

FindingKind = Literal["slo", "invariant"]


class Verdict(StrEnum):
    """The three results of a check."""

    PASS = "pass"  # noqa: S105  a verdict, not a password
    UNKNOWN = "unknown"
    FAIL = "fail"


_SEVERITY = {Verdict.PASS: 0, Verdict.UNKNOWN: 1, Verdict.FAIL: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """
    The result of one check, with its evidence.

    Attributes:
        name: The promise that was checked, such as ``idempotency.exactly_once``, or an
            SLO's source text.
        kind: ``slo`` for performance, ``invariant`` for correctness. Only the first kind
            becomes unknown when the generator was saturated.
        detail: One sentence with the numbers: observed against expected.
        witness: The smallest rows that show it (flat, JSON-ready); empty on a pass.
    """

    name: str
    kind: FindingKind
    verdict: Verdict
    detail: str
    witness: tuple[Mapping[str, Any], ...] = field(default=())


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """The most severe of the verdicts; unknown when there is none."""
    return max(verdicts, key=_SEVERITY.__getitem__, default=Verdict.UNKNOWN)
