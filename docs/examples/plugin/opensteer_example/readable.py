"""A check: from its creation to its deletion, a session can be read."""

from __future__ import annotations

import pandas as pd

from harness.checks.check import Check, TrialContext
from harness.verdicts import Finding, Verdict

NAME = "example.readable"
WITNESS_ROWS = 10


def check(attempts: pd.DataFrame, context: TrialContext) -> Finding:
    """Find reads that got a 404 after the create's answer and before the delete's request."""
    operation = attempts["operation"]
    created = attempts[(operation == "create_session") & (attempts["outcome"] == "ok")]
    deleted = attempts[operation == "delete_session"]
    reads = attempts[operation == "get_session"]
    ids = reads["resource_id"]
    open_from_ns = created.groupby("resource_id")["end_ns"].min().astype(float).reindex(ids)
    open_to_ns = deleted.groupby("resource_id")["start_ns"].min().astype(float).reindex(ids)
    ended_ns = open_to_ns.fillna(float("inf")).to_numpy()
    inside = reads[(reads["start_ns"] > open_from_ns.to_numpy()) & (reads["end_ns"] < ended_ns)]
    lost = inside[inside["status"] == 404]
    if inside.empty:
        return Finding(NAME, "invariant", Verdict.UNKNOWN, "no open session was read")
    if lost.empty:
        detail = f"{len(inside):,} reads of open sessions, none answered 404"
        return Finding(NAME, "invariant", Verdict.PASS, detail)
    detail = f"{len(lost):,} of {len(inside):,} reads of open sessions were answered 404"
    start_s = (lost["start_ns"] - context.manifest.started_ns) / 1e9
    shown = lost[["resource_id", "status"]].assign(start_s=start_s).head(WITNESS_ROWS)
    witness = tuple({str(k): v for k, v in row.items()} for row in shown.to_dict("records"))
    return Finding(NAME, "invariant", Verdict.FAIL, detail, witness)


CHECK = Check(
    name=NAME,
    columns=("operation", "resource_id", "status", "outcome", "start_ns", "end_ns"),
    operations=("create_session", "get_session", "delete_session"),
    check=check,
)
