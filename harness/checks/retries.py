"""The harness checks itself: its client retries only as the plan allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from harness.attempt import Disposition, ReservedPhase
from harness.checks.check import Check, TrialContext
from harness.checks.evidence import decode_evidence
from harness.checks.history import COLUMNS, is_complete
from harness.checks.violations import FindingBuilder, pluralize
from harness.client.retries import INITIAL_TOKENS, RetryPolicy
from harness.units import NS_PER_MS, NS_PER_S, parse_duration_ns
from harness.verdicts import Finding

NAME = "retries.discipline"

TOLERANCE_NS = 2 * NS_PER_MS
"""A timer may fire this much early: it rounds to the millisecond."""

_POLICY = RetryPolicy()
_OWN_POLICY = (ReservedPhase.CLEANUP, ReservedPhase.PREFLIGHT)
_NEEDS_KEY = ("create_session", "import_selector_cache", "queue_run")
_FINAL_OUTCOMES = (
    "ok",
    "auth_failed",
    "client_error",
    "config_invalid",
    "contract_mismatch",
    "invalid_response",
    "not_configured",
    "not_found",
    "runtime_gone",
    "session_closed",
    "unsupported_method",
)
"""Outcomes that a retry cannot change."""


def check(frame: pd.DataFrame, context: TrialContext) -> Finding:
    """
    No retry is early, exceeds attempts, budget or deadline, follows a final outcome, or
    repeats an unsafe request.

    A retry has its call's key and body. Cleanup and preflight have their own policies, so
    only safety is checked. O(n); only calls with a retry are examined.
    """
    finding = FindingBuilder(NAME, context)
    retried = frame["call_id"].isin(frame.loc[frame["attempt"] > 1, "call_id"].unique())
    attempts = (
        frame.loc[retried.to_numpy()].sort_values(["call_id", "attempt"]).reset_index(drop=True)
    )
    before = attempts.shift()
    follows = (attempts["call_id"] == before["call_id"]).to_numpy()
    _check_safe_to_repeat(attempts, before, follows, finding)
    _check_waits(attempts, before, follows, finding)
    if is_complete(context):
        _check_sequence(frame, attempts, before, follows, context, finding)
    _check_policy(frame, attempts, context, finding)
    retries = int((frame["attempt"] > 1).sum())
    uneventful = sum(context.uneventful.values())
    calls = int((frame["attempt"] == 1).sum()) + uneventful
    pass_detail = (
        f"{pluralize(retries, 'retry', 'retries')} in {pluralize(calls, 'call')}, each one allowed"
    )
    return finding.build(pass_detail, "" if len(frame) + uneventful else "no call was made")


def _add_violation(finding: FindingBuilder, words: str, attempts: pd.DataFrame, flaw: Any) -> None:
    flaw = np.asarray(flaw, dtype=np.bool_)
    if flaw.any():
        call_id = attempts.loc[flaw, "call_id"].iloc[0]
        rows = attempts.loc[attempts["call_id"] == call_id]
        finding.add(f"{pluralize(int(flaw.sum()), 'retry', 'retries')} {words}", rows)


def _check_safe_to_repeat(
    attempts: pd.DataFrame, before: pd.DataFrame, follows: Any, finding: FindingBuilder
) -> None:
    keyless = (attempts["idempotency_key"] == "") & attempts["operation"].isin(_NEEDS_KEY)
    _add_violation(finding, "of a request that is not safe to repeat", attempts, follows & keyless)
    other = attempts["idempotency_key"] != before["idempotency_key"]
    _add_violation(finding, "under another key than the call's", attempts, follows & other)
    bodies = decode_evidence(attempts["evidence"], ["body"])["body"]
    both = bodies.notna() & bodies.shift().notna()
    _add_violation(
        finding, "with another body", attempts, follows & both & (bodies != bodies.shift())
    )
    settled = before["outcome"].isin(_FINAL_OUTCOMES)
    _add_violation(finding, "of a call with a final outcome", attempts, follows & settled)


def _check_waits(
    attempts: pd.DataFrame, before: pd.DataFrame, follows: Any, finding: FindingBuilder
) -> None:
    waits_ns = before["retry_after_s"].fillna(0.0) * NS_PER_S
    # Differences of integers, not of floats: those hold Unix times to 256 ns only.
    paused_ns = attempts["start_ns"] - attempts["end_ns"].shift(fill_value=0)
    early = paused_ns < waits_ns - TOLERANCE_NS
    _add_violation(finding, "before the wait was over", attempts, follows & early)


def _check_sequence(
    frame: pd.DataFrame,
    attempts: pd.DataFrame,
    before: pd.DataFrame,
    follows: Any,
    context: TrialContext,
    finding: FindingBuilder,
) -> None:
    """Attempts have no gap and continue as recorded; the load's end interrupts a wait."""
    hole = np.where(follows, attempts["attempt"] != before["attempt"] + 1, attempts["attempt"] != 1)
    _add_violation(finding, "without the attempt before it", attempts, hole)
    ended = (before["disposition"] != Disposition.RETRIED).to_numpy()
    _add_violation(finding, "after the client gave up the call", attempts, follows & ended & ~hole)
    last = ~attempts["call_id"].duplicated(keep="last")
    dangling = attempts.loc[last & (attempts["disposition"] == Disposition.RETRIED)]
    single = frame.loc[frame["disposition"] == Disposition.RETRIED]
    single = single.loc[~single["call_id"].isin(attempts["call_id"].unique())]
    missing = pd.concat([dangling, single])
    missing = missing.loc[_due_ns(missing, context) < context.manifest.ended_ns]
    finding.add_rows("retry", "announced and never made", missing, plural="retries")


def _due_ns(retried: pd.DataFrame, context: TrialContext) -> pd.Series:
    """The latest start of the next attempt."""
    policy = context.manifest.plan.get("retry", {})
    cap = policy.get("cap") if isinstance(policy, Mapping) else None
    backoff_s = parse_duration_ns(cap) / NS_PER_S if isinstance(cap, str) else _POLICY.cap_s
    waits_s = (retried["retry_after_s"] + _POLICY.jitter_s).fillna(backoff_s)
    due_ns: pd.Series = retried["end_ns"] + (waits_s * NS_PER_S).astype("int64")
    return due_ns + TOLERANCE_NS


def _check_policy(
    frame: pd.DataFrame, attempts: pd.DataFrame, context: TrialContext, finding: FindingBuilder
) -> None:
    policy = context.manifest.plan.get("retry", {})
    if not isinstance(policy, Mapping):
        return
    own = ~attempts["phase"].isin(_OWN_POLICY).to_numpy()
    if "attempts" in policy:
        beyond = own & (attempts["attempt"] > int(policy["attempts"])).to_numpy()
        _add_violation(finding, f"beyond {policy['attempts']} attempts", attempts, beyond)
    if "deadline" in policy:
        deadline = policy["deadline"]
        deadline_ns = parse_duration_ns(deadline) if isinstance(deadline, str) else int(deadline)
        begun_ns = attempts.groupby("call_id")["start_ns"].transform("min")
        late = (attempts["intended_ns"] - begun_ns > deadline_ns + TOLERANCE_NS).to_numpy()
        retry = (attempts["attempt"] > 1).to_numpy()
        _add_violation(finding, "after the call's deadline", attempts, own & retry & late)
    if "budget_fraction" in policy:
        _check_budget(frame, float(policy["budget_fraction"]), context, finding)


def _check_budget(
    frame: pd.DataFrame, fraction: float, context: TrialContext, finding: FindingBuilder
) -> None:
    retries = (frame["attempt"] > 1) & ~frame["phase"].isin(_OWN_POLICY)
    workers = frame["worker"]
    spent = retries.groupby(workers, observed=True).sum()
    begun = (frame["attempt"] == 1).groupby(workers, observed=True).sum()
    uneventful = np.array([context.uneventful.get(str(worker), 0) for worker in begun.index])
    earned = (begun + uneventful) * fraction + INITIAL_TOKENS
    over = spent.index[(spent > earned).to_numpy()]
    if len(over):
        worker = over[0]
        sentence = (
            f"worker {worker} made {pluralize(int(spent[worker]), 'retry', 'retries')} "
            f"on a budget of {earned[worker]:.0f}"
        )
        finding.add(sentence, frame.loc[retries & (workers == worker)].head(3))


_READ = ("worker", "intended_ns", "retry_after_s", "disposition")

CHECK = Check(NAME, (*COLUMNS, *_READ), None, check, skips_uneventful=True, reads_with="all")
