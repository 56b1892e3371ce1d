"""
Every invariant check, and how to run those that apply.

A check applies if the trial holds an operation that can break its promise (`Check.triggers`,
`Check.applies`). Another check gives no finding, rather than *unknown*.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

import pandas as pd

from harness.checks import (
    cache,
    contract,
    idempotency,
    logs,
    retries,
    runs,
    sessions,
    sockets,
    webhooks,
)
from harness.checks.check import Check, TrialContext, run_check, unknown_finding
from harness.verdicts import Finding

CHECKS: tuple[Check, ...] = (
    idempotency.CHECK,
    sessions.CHECK,
    runs.CHECK,
    logs.CHECK,
    cache.CHECK,
    webhooks.CHECK,
    sockets.CHECK,
    contract.CHECK,
    retries.CHECK,
)
"""In the order of reports."""

UneventfulCounts = Mapping[str, int]


class AttemptReader(Protocol):
    """Reads attempts of a trial."""

    def __call__(
        self,
        columns: Sequence[str],
        operations: Collection[str] | None = None,
        *,
        skip_uneventful: bool = False,
    ) -> tuple[pd.DataFrame, UneventfulCounts]:
        """Read columns of attempts (operations None: all), and count skipped ones by worker."""


Reading = tuple[pd.DataFrame, UneventfulCounts] | Exception
"""What a group of checks reads, or the error."""


def run_checks(
    read: AttemptReader, context: TrialContext, checks: Sequence[Check] = CHECKS
) -> list[Finding]:
    """
    The findings of the checks that apply, in order. Never raises for a check.

    Checks of the same attempts share one reading, which costs more than most checks. While
    one group is checked the next is read. The order keeps the two largest groups apart from
    other large ones, because their memory sets the peak of a long trial.
    """
    rows = read(("operation",))[0]["operation"].value_counts()
    present = set(rows.index[rows > 0])
    applying = (
        check
        for check in checks
        if not present or not present.isdisjoint(check.triggers or check.operations or present)
    )
    by_size = sorted(_group(applying), key=lambda group: _size(group, rows), reverse=True)
    groups = [*by_size[2:], *reversed(by_size[:2])]
    findings: dict[str, Finding | None] = {}
    with ThreadPoolExecutor(1) as reader:
        readings = [reader.submit(_read_group, group, read) for group in groups[:1]]
        for following, group in enumerate(groups, 1):
            seen = readings.pop().result()
            readings += [
                reader.submit(_read_group, coming, read)
                for coming in groups[following : following + 1]
            ]
            findings |= _check_group(group, seen, read, context)
            del seen  # before the next but one is read
    ordered = (findings.get(check.name) for check in checks)
    return [finding for finding in ordered if finding is not None]


def _group(checks: Iterable[Check]) -> list[list[Check]]:
    """Groups of checks that share a reading."""
    groups: dict[str, list[Check]] = {}
    for check in checks:
        groups.setdefault(check.reads_with or check.name, []).append(check)
    return list(groups.values())


def _size(group: Sequence[Check], rows: pd.Series) -> float:
    """Number of attempts that a group reads; infinite for those of every operation."""
    operations = {name for check in group for name in check.operations or ()}
    if not operations:
        return math.inf
    return float(rows[rows.index.isin(list(operations))].sum())


def _read_group(group: Sequence[Check], read: AttemptReader) -> Reading:
    columns = tuple(dict.fromkeys(name for check in group for name in check.columns))
    kinds = [check.operations for check in group]
    every = None if None in kinds else tuple(dict.fromkeys(n for k in kinds for n in k or ()))
    try:
        skip = every is None and all(check.skips_uneventful for check in group)
        return read(columns, every, skip_uneventful=skip)
    except Exception as error:  # noqa: BLE001  what cannot be read must not look like a pass
        return error


def _check_group(
    group: Sequence[Check], seen: Reading, read: AttemptReader, context: TrialContext
) -> dict[str, Finding | None]:
    """Each check's finding; None if it does not apply."""
    if isinstance(seen, Exception):
        if len(group) == 1:
            unknown_reason = f"its attempts cannot be read: {seen}"
            return {group[0].name: unknown_finding(group[0], unknown_reason)}
        alone = [_check_group([c], _read_group([c], read), read, context) for c in group]
        return {name: finding for found in alone for name, finding in found.items()}
    frame, uneventful = seen
    context = replace(context, uneventful=uneventful)
    return {
        check.name: run_check(check, frame, context) if check.applies(frame, context) else None
        for check in group
    }
