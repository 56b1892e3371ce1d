"""
Every invariant check, and how to run those that apply.

A check applies when the trial holds an operation that can break its promise. One that
does not is left out, not unknown: a trial of cache imports owes no word about sessions.

===========================  ====================================================
check                        applies when there is an attempt of
===========================  ====================================================
``idempotency.exactly_once``  ``create_session`` or ``queue_run``
``sessions.lifecycle``        ``create_session``
``runs.lifecycle``            ``get_run``
``runs.logs``                 ``get_run_logs``
``cache.accounting``          ``import_selector_cache``
``webhooks.delivery``         ``queue_run`` that asked for a webhook, or a delivery came
``contract.responses``        anything
``retries.discipline``        anything
===========================  ====================================================
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import pandas as pd

from harness.checks import (
    cache,
    contract,
    idempotency,
    logs,
    retries,
    runs,
    sessions,
    webhooks,
)
from harness.checks.check import Check, Context, run_check, unknown
from harness.verdicts import Finding

CHECKS: tuple[Check, ...] = (
    idempotency.CHECK,
    sessions.CHECK,
    runs.CHECK,
    logs.CHECK,
    cache.CHECK,
    webhooks.CHECK,
    contract.CHECK,
    retries.CHECK,
)
"""All of them, in the order in which a report tells them."""

Read = Callable[[Sequence[str], Collection[str] | None], pd.DataFrame]
"""Reads attempts: columns, operations (None for all) → frame."""

_TRIGGERS: dict[str, frozenset[str]] = {
    idempotency.NAME: frozenset({"create_session", "queue_run"}),
    sessions.NAME: frozenset({"create_session"}),
    runs.NAME: frozenset({"get_run"}),
    logs.NAME: frozenset({"get_run_logs"}),
    cache.NAME: frozenset({"import_selector_cache"}),
    webhooks.NAME: frozenset({"queue_run"}),
}


def run_checks(read: Read, context: Context) -> list[Finding]:
    """
    Run every check that applies.

    Each check reads its own columns and operations, one after the other, so that the
    memory needed is that of the largest one. Nothing is raised for what a check does.

    Args:
        read: Reads attempts of the trial.
        context: The trial's manifest and events.

    Returns:
        One finding a check that applies, in the order of `CHECKS`.
    """
    present = set(read(("operation",), None)["operation"].unique())
    findings = []
    for check in CHECKS:
        if present.isdisjoint(_TRIGGERS.get(check.name, present)) and present:
            continue
        try:
            frame = read(check.columns, check.operations)
        except Exception as error:  # noqa: BLE001  what cannot be read must not look like a pass
            findings.append(unknown(check, f"its attempts could not be read: {error}"))
            continue
        if check.name == webhooks.NAME and not _has_webhooks(frame, context):
            continue
        findings.append(run_check(check, frame, context))
    return findings


def _has_webhooks(frame: pd.DataFrame, context: Context) -> bool:
    if any(event.kind == "webhook" for event in context.events):
        return True
    queued = frame.loc[(frame["operation"] == "queue_run").to_numpy(), "evidence"]
    return bool(queued.astype(object).str.contains('"webhook":true', regex=False).any())
