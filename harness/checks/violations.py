"""Build a finding from the violations of a promise, each a sentence with its rows."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import pandas as pd

from harness.checks.check import TrialContext
from harness.units import NS_PER_S
from harness.verdicts import Finding, Verdict

WITNESS_ROWS = 10


def evidence_rows(rows: pd.DataFrame, context: TrialContext) -> tuple[dict[str, Any], ...]:
    """At most ten attempts as evidence, in order of time since the start of the trial."""
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
    """Collect the violations of a promise; the first one's rows are the evidence."""

    def __init__(self, name: str, context: TrialContext) -> None:
        self._name = name
        self._context = context
        self._sentences: list[str] = []
        self._witness: tuple[dict[str, Any], ...] = ()

    def add(self, sentence: str, rows: pd.DataFrame) -> None:
        """Add a violation that `rows` show."""
        if not self._sentences:
            self._witness = evidence_rows(rows, self._context)
        self._sentences.append(sentence)

    def add_rows(
        self, noun: str, words: str, rows: pd.DataFrame, *, plural: str = "", shown: int = 1
    ) -> None:
        """Add a violation of which each row is a case, if there is any."""
        if len(rows):
            self.add(f"{pluralize(len(rows), noun, plural)} {words}", rows.head(shown))

    def add_subjects(
        self, noun: str, words: str, subjects: npt.NDArray[Any], rows: pd.DataFrame, column: str
    ) -> None:
        """Add a violation by these distinct values of a column, if there is any."""
        if len(subjects):
            first = rows.loc[(rows[column] == subjects[0]).to_numpy()]
            self.add(f"{pluralize(len(subjects), noun)} {words}", first)

    def build(
        self, pass_detail: str, unknown_reason: str = "", unknown_rows: pd.DataFrame | None = None
    ) -> Finding:
        """The finding: fail after a violation, else unknown if there is a reason, else pass."""
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
