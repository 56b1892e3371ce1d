"""A run's status goes forward: queued, running, then one final status."""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.checks.check import Check, TrialContext
from harness.checks.evidence import decode_evidence
from harness.checks.history import (
    COLUMNS,
    factorize,
    find_rank_decreases,
    plan_duration_ns,
    succeeded,
)
from harness.checks.violations import FindingBuilder, pluralize
from harness.units import format_duration
from harness.verdicts import Finding

NAME = "runs.lifecycle"
DEADLINES = ("run_deadline", "run_polling.deadline")
"""Scenario settings (the first that exists): from the queueing response to the run's end."""

FINAL = ("succeeded", "failed", "canceled")
_RANKS = {"queued": 0, "running": 1} | dict.fromkeys(FINAL, 2)


def check(frame: pd.DataFrame, context: TrialContext) -> Finding:
    """
    A run's status only goes forward and becomes final within the deadline.

    A run that was not polled until its deadline cannot miss it. Unknown if no run was
    observed to end. O(n) in attempts, except for a sort of those out of order.
    """
    frame = frame.reset_index(drop=True)
    finding = FindingBuilder(NAME, context)
    observed = _with_status(frame)
    final = observed.loc[observed["rank"] == 2].drop_duplicates(["resource_id", "status_shown"])
    ambiguous = final.loc[final["resource_id"].duplicated(), "resource_id"].unique()
    finding.add_subjects("run", "had two final statuses", ambiguous, final, "resource_id")
    pairs = find_rank_decreases(
        factorize(observed["resource_id"]), observed, observed["rank"].to_numpy(dtype=np.int8)
    )
    if len(pairs):
        sentence = f"{pluralize(len(pairs) // 2, 'run')} went back to an earlier status"
        finding.add(sentence, observed.iloc[pairs[:2]])
    acknowledged = _acknowledged(frame)
    _check_findable(frame, acknowledged, finding)
    _check_deadline(observed, acknowledged, context, finding)
    ended = final["resource_id"].nunique()
    total = observed["resource_id"].nunique()
    pass_detail = f"{pluralize(ended, 'run')} of {total:,} observed to end, no status went back"
    unknown_reason = "" if ended else f"none of {pluralize(total, 'run')} was observed to end"
    return finding.build(pass_detail, unknown_reason)


def _with_status(frame: pd.DataFrame) -> pd.DataFrame:
    """The responses with a status: columns ``status_shown`` and ``rank`` (0 queued … 2 final)."""
    # A replayed response shows the moment when the run was queued.
    shown = frame["status"].between(200, 299).to_numpy() & (frame["replayed"] != 1).to_numpy()
    shown &= (frame["resource_id"] != "").to_numpy()
    statuses = decode_evidence(frame.loc[shown, "evidence"], ["status"])["status"]
    ranks = statuses.map(_RANKS).astype(float)
    known = ranks.notna().to_numpy()
    observed = frame.loc[statuses.index[known]]
    observed = observed.assign(status_shown=statuses[known], rank=ranks[known])
    return observed.reset_index(drop=True)


def _acknowledged(frame: pd.DataFrame) -> pd.DataFrame:
    """
    The first response that accepted each run, one row per run.

    A replayed response counts only if the one that it replays was lost: otherwise a wrong
    replay is a violation of its key's promise.
    """
    queued = frame.loc[(frame["operation"] == "queue_run").to_numpy() & succeeded(frame)]
    replay = (queued["replayed"] == 1).to_numpy()
    keys = queued["idempotency_key"]
    # Replays are few, and a lookup among millions of keys takes seconds.
    concerned = ~replay & keys.isin(keys.loc[replay]).to_numpy()
    repeated = replay.copy()
    repeated[replay] = keys.loc[replay].isin(keys.loc[concerned]).to_numpy()
    taken = queued.loc[~repeated]
    return taken.sort_values("end_ns").drop_duplicates("resource_id")


def _check_findable(
    frame: pd.DataFrame, acknowledged: pd.DataFrame, finding: FindingBuilder
) -> None:
    asked = (frame["operation"] == "get_run") & (frame["resource_id"] != "")
    missed = frame.loc[asked & (frame["status"] == 404)]
    if missed.empty:
        return
    ends_ns = acknowledged.set_index("resource_id")["end_ns"].astype(float)
    known_ns = ends_ns.reindex(missed["resource_id"]).to_numpy()
    lost = missed.loc[known_ns < missed["start_ns"].to_numpy()]
    _add_runs("queued and then not found", lost, acknowledged, finding)


def _check_deadline(
    observed: pd.DataFrame,
    acknowledged: pd.DataFrame,
    context: TrialContext,
    finding: FindingBuilder,
) -> None:
    named = (plan_duration_ns(context, name) for name in DEADLINES)
    deadline_ns = next(filter(None, named), None)
    if deadline_ns is None:
        return
    begun_ns = acknowledged.set_index("resource_id")["end_ns"].astype(float)
    due_ns = begun_ns.reindex(observed["resource_id"]).to_numpy() + deadline_ns
    late = observed.loc[
        (observed["rank"] < 2).to_numpy() & (observed["start_ns"].to_numpy() > due_ns)
    ]
    words = f"not ended {format_duration(deadline_ns)} after being queued"
    _add_runs(words, late, acknowledged, finding)


def _add_runs(
    words: str, flawed: pd.DataFrame, acknowledged: pd.DataFrame, finding: FindingBuilder
) -> None:
    """Add a violation, shown by the queueing of the first run and its first flaw."""
    ids = flawed["resource_id"].unique()
    rows = pd.concat([acknowledged.loc[acknowledged["resource_id"].isin(ids[:1])], flawed.head(1)])
    finding.add_subjects("run", words, ids, rows, "resource_id")


CHECK = Check(
    NAME, COLUMNS, ("queue_run", "get_run"), check, triggers=("get_run",), reads_with="runs"
)
