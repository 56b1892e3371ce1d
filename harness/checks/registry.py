"""
Every invariant check, and how to run those that apply.

A check applies when the trial holds an operation that can break its promise. One that
does not is left out, not unknown: a trial of cache imports owes no word about sessions.

===========================  ====================================================
check                        applies when there is an attempt of
===========================  ====================================================
``idempotency.exactly_once``  ``create_session`` or ``queue_run`` with a key
``sessions.lifecycle``        ``create_session``
``runs.lifecycle``            ``get_run``
``runs.logs``                 ``get_run_logs``
``cache.accounting``          ``import_selector_cache``
``webhooks.delivery``         ``queue_run`` that asked for a webhook, or a delivery came
``sockets.tokens``            a socket's connect that is a probe
``contract.responses``        anything
``retries.discipline``        anything
===========================  ====================================================
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
"""All of them, in the order in which a report tells them."""

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
        """
        Read some columns.

        Args:
            columns: Which, in this order.
            operations: Only attempts of these; of all when None.
            skip_uneventful: Leave out uneventful attempts.

        Returns:
            One row an attempt, and worker → attempts left out as uneventful.
        """


Reading = tuple[pd.DataFrame, UneventfulCounts] | Exception
"""What a group of checks reads, or why it cannot."""

_READ_TOGETHER: tuple[frozenset[str], ...] = (
    frozenset({runs.NAME, logs.NAME, webhooks.NAME}),
    frozenset({contract.NAME, retries.NAME}),
)
"""Checks of the same attempts, by and large."""

_TRIGGERS: dict[str, frozenset[str]] = {
    idempotency.NAME: frozenset({"create_session", "queue_run"}),
    sessions.NAME: frozenset({"create_session"}),
    runs.NAME: frozenset({"get_run"}),
    logs.NAME: frozenset({"get_run_logs"}),
    cache.NAME: frozenset({"import_selector_cache"}),
    webhooks.NAME: frozenset({"queue_run"}),
    sockets.NAME: frozenset(sockets.OPERATIONS),
}


def run_checks(
    read: AttemptReader, context: TrialContext, checks: Sequence[Check] = CHECKS
) -> list[Finding]:
    """
    Run every check that applies.

    Checks that look at the same attempts share one reading of them, which costs more
    than most of the checks. While one group is judged the next is read; the largest comes
    between the smallest and those of which hardly anything is read, for its memory is
    what a long trial needs. Nothing is raised for what a check does.

    Args:
        read: Reads attempts of the trial.
        context: The trial's manifest and events.
        checks: Which, in the order of the findings.

    Returns:
        One finding a check that applies.
    """
    rows = read(("operation",))[0]["operation"].value_counts()
    present = set(rows.index[rows > 0])
    applying = (
        check
        for check in checks
        if not present
        or not present.isdisjoint(_TRIGGERS.get(check.name, check.operations or present))
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
    told = (findings.get(check.name) for check in checks)
    return [finding for finding in told if finding is not None]


def _group(checks: Iterable[Check]) -> list[list[Check]]:
    """Checks by what they read; one that shares nothing is a group of its own."""
    groups: dict[object, list[Check]] = {}
    for check in checks:
        shared = (names for names in _READ_TOGETHER if check.name in names)
        groups.setdefault(next(shared, check.name), []).append(check)
    return list(groups.values())


def _size(group: Sequence[Check], rows: pd.Series) -> float:
    """How many attempts a group reads; infinite for those of every operation."""
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
    """Each check's finding; None for one that turns out not to apply."""
    if isinstance(seen, Exception):
        if len(group) == 1:
            unknown_reason = f"its attempts could not be read: {seen}"
            return {group[0].name: unknown_finding(group[0], unknown_reason)}
        alone = [_check_group([c], _read_group([c], read), read, context) for c in group]
        return {name: finding for found in alone for name, finding in found.items()}
    frame, uneventful = seen
    context = replace(context, uneventful=uneventful)
    return {
        check.name: run_check(check, frame, context) if _applies(check, frame, context) else None
        for check in group
    }


def _applies(check: Check, frame: pd.DataFrame, context: TrialContext) -> bool:
    """Whether anything that a check is about was tried, beyond its operation."""
    if check.name == webhooks.NAME:
        return _has_webhooks(frame, context)
    if check.name == sockets.NAME:
        return sockets.has_probes(frame)
    if check.name == idempotency.NAME:
        return not len(frame) or bool((frame["idempotency_key"] != "").any())
    return True


def _has_webhooks(frame: pd.DataFrame, context: TrialContext) -> bool:
    if any(event.kind == "webhook" for event in context.events):
        return True
    queued = frame.loc[(frame["operation"] == "queue_run").to_numpy(), "evidence"]
    return bool(queued.astype(object).str.contains('"webhook":true', regex=False).any())
