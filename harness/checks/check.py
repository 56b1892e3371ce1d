"""
A check: one promise, one pure function from attempts and a `TrialContext` to a `Finding`.

`run_check` is the only caller and keeps two rules, after Jepsen's ``check-safe`` and Elle's
"no vacuous pass":

- a check that raises is *unknown* with the error's last line, never a pass;
- a pass over no attempts is *unknown*: nothing was observed.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from harness.trial.schema import Event, Manifest
from harness.verdicts import Finding, FindingKind, Verdict


@dataclass(frozen=True, slots=True)
class TrialContext:
    """
    What a check may read besides the attempts.

    Attributes:
        events: The lines of events.jsonl, in order of time.
        uneventful: Worker → its uneventful attempts that are not in the frame
            (`Check.skips_uneventful`).
    """

    manifest: Manifest
    events: Sequence[Event]
    uneventful: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """
    One promise and how to check it.

    Attributes:
        name: ``family.promise``, such as ``idempotency.exactly_once``.
        columns: The columns of ``harness.trial.schema.ATTEMPTS`` that `check` reads.
        operations: The operations whose attempts it reads; None for all.
        check: Gives the finding; may raise, see `run_check`.
        kind: ``invariant``, or ``slo`` for a promise about performance.
        skips_uneventful: Uneventful attempts (``harness.trial.row_filter``) may be counted in
            ``TrialContext.uneventful`` instead of being in the frame.
        triggers: It applies if an attempt of one of these exists; None for `operations`.
        applies: Further condition on what the check reads.
        reads_with: Checks with the same name here share one reading; "" for its own.
    """

    name: str
    columns: tuple[str, ...]
    operations: tuple[str, ...] | None
    check: Callable[[pd.DataFrame, TrialContext], Finding]
    kind: FindingKind = "invariant"
    skips_uneventful: bool = False
    triggers: tuple[str, ...] | None = None
    applies: Callable[[pd.DataFrame, TrialContext], bool] = lambda _frame, _context: True
    reads_with: str = ""


def run_check(check: Check, frame: pd.DataFrame, context: TrialContext) -> Finding:
    """
    The check's finding; *unknown* if it raised, or passed without an attempt. Never raises.

    Rows of other operations are removed if `frame` has the column ``operation``.
    """
    try:
        observed = select_observations(check, frame)
        finding = check.check(observed, context)
    except Exception as error:  # noqa: BLE001  whatever a check throws must not look like a pass
        last_line = traceback.format_exception_only(error)[-1].strip()
        return unknown_finding(check, f"the check itself failed: {last_line}")
    unseen = sum(context.uneventful.values()) if check.skips_uneventful else 0
    if finding.verdict is Verdict.PASS and len(observed.index) + unseen == 0:
        return replace(finding, verdict=Verdict.UNKNOWN, detail=_no_attempts(check))
    return finding


def select_observations(check: Check, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows and columns of `frame` that `check` reads; KeyError if it lacks a column."""
    columns = list(check.columns)
    if check.operations is None or "operation" not in frame.columns:
        return frame[columns]
    concerned = frame["operation"].isin(check.operations).to_numpy()
    return frame[columns] if concerned.all() else frame.loc[concerned, columns]


def unknown_finding(check: Check, detail: str) -> Finding:
    """The check's *unknown* finding with its reason."""
    return Finding(check.name, check.kind, Verdict.UNKNOWN, detail)


def _no_attempts(check: Check) -> str:
    operations = "" if check.operations is None else " of " + ", ".join(check.operations)
    return f"no attempt{operations} was observed"
