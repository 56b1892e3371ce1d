"""
Accusations: the ways in which a promise was broken, told in words and shown by rows.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from harness.checks.check import TrialContext
from harness.units import NS_PER_S
from harness.verdicts import Finding, Verdict

WITNESS_ROWS = 10


def evidence_rows(rows: pd.DataFrame, context: TrialContext) -> tuple[dict[str, Any], ...]:
    """
    Attempts as witness rows, in order of time, at most ten.

    Args:
        rows: Attempts with (some of) ``harness.checks.history.COLUMNS``.
        context: Times are told relative to the start of its trial.
    """
    rows = rows.sort_values(["start_ns", "end_ns"]).head(WITNESS_ROWS)
    origin_ns = context.manifest.started_ns
    return tuple(
        {
            "operation": str(row["operation"]),
            "call_id": int(row["call_id"]),
            "attempt": int(row["attempt"]),
            "start_s": round((row["start_ns"] - origin_ns) / NS_PER_S, 6),
            "end_s": round((row["end_ns"] - origin_ns) / NS_PER_S, 6),
            "status": int(row["status"]),
            "code": _text(row.get("code")),
            "outcome": str(row["outcome"]),
            "key": _text(row.get("idempotency_key")),
            "resource_id": _text(row.get("resource_id")),
            "evidence": _text(row.get("evidence")),
        }
        for row in rows.to_dict("records")
    )


class FindingBuilder:
    """
    Gathers the ways in which a promise was broken, the first with its rows.

    Args:
        name: The promise.
        context: The trial.
    """

    def __init__(self, name: str, context: TrialContext) -> None:
        self._name = name
        self._context = context
        self._sentences: list[str] = []
        self._witness: tuple[dict[str, Any], ...] = ()

    def add(self, sentence: str, rows: pd.DataFrame) -> None:
        """One more way; `rows` show it."""
        if not self._sentences:
            self._witness = evidence_rows(rows, self._context)
        self._sentences.append(sentence)

    def build(
        self,
        pass_detail: str,
        unknown_reason: str = "",
        unknown_rows: pd.DataFrame | None = None,
    ) -> Finding:
        """
        The finding: fail if anything was added, else unknown for a doubt, else pass.

        Args:
            pass_detail: What was seen to hold, with its numbers.
            unknown_reason: What stands between us and an answer; "" when nothing does.
            unknown_rows: The rows in doubt.
        """
        if self._sentences:
            detail = "; ".join(self._sentences)
            return Finding(self._name, "invariant", Verdict.FAIL, detail, self._witness)
        if unknown_reason:
            witness = () if unknown_rows is None else evidence_rows(unknown_rows, self._context)
            return Finding(self._name, "invariant", Verdict.UNKNOWN, unknown_reason, witness)
        return Finding(self._name, "invariant", Verdict.PASS, pass_detail)


def pluralize(number: int, noun: str, plural: str = "") -> str:
    """
    A number with its noun.

    >>> [pluralize(1, "key"), pluralize(1200, "key"), pluralize(2, "retry", "retries")]
    ['1 key', '1,200 keys', '2 retries']
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
