"""The harness checks itself: our own client retried as the plan allows, never worse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from harness.attempt import Disposition, Phase
from harness.checks.check import Check, Context
from harness.checks.evidence import pick_evidence
from harness.checks.history import COLUMNS, is_complete
from harness.checks.violations import Accusation, count
from harness.client.retries import RESERVE, RetryPolicy
from harness.units import NS_PER_MS, NS_PER_S, parse_duration_ns
from harness.verdicts import Finding

NAME = "retries.discipline"

TOLERANCE_NS = 2 * NS_PER_MS
"""An alarm may ring this much early: timers round to the millisecond."""

_POLICY = RetryPolicy()
_OWN_POLICY = (Phase.CLEANUP, Phase.PREFLIGHT)
_NEEDS_KEY = ("create_session", "import_selector_cache", "queue_run")
_SETTLED = (
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
"""Outcomes that another sending cannot mend."""


def examine(frame: pd.DataFrame, context: Context) -> Finding:
    """
    No retry came early, beyond attempts, budget or deadline, of a call that was settled,
    or of a request that is not safe to repeat.

    A retry has its call's key and body. Cleanup and preflight have policies of their own
    and are held only to what is safe. O(n); only calls with a retry are looked into.
    """
    accusation = Accusation(NAME, context)
    retried = frame["call_id"].isin(frame.loc[frame["attempt"] > 1, "call_id"].unique())
    told = (
        frame.loc[retried.to_numpy()].sort_values(["call_id", "attempt"]).reset_index(drop=True)
    )
    before = told.shift()
    follows = (told["call_id"] == before["call_id"]).to_numpy()
    _demand_safe(told, before, follows, accusation)
    _demand_patience(told, before, follows, accusation)
    if is_complete(context):
        _demand_whole(frame, told, before, follows, context, accusation)
    _demand_policy(frame, told, context, accusation)
    retries = int((frame["attempt"] > 1).sum())
    smooth = sum(context.smooth.values())
    calls = int((frame["attempt"] == 1).sum()) + smooth
    passing = (
        f"{count(retries, 'retry', 'retries')} in {count(calls, 'call')}, each one allowed"
    )
    return accusation.conclude(passing, "" if len(frame) + smooth else "no call was made")


def _accuse(accusation: Accusation, words: str, told: pd.DataFrame, flaw: Any) -> None:
    flaw = np.asarray(flaw, dtype=np.bool_)
    if flaw.any():
        call_id = told.loc[flaw, "call_id"].iloc[0]
        rows = told.loc[told["call_id"] == call_id]
        accusation.add(f"{count(int(flaw.sum()), 'retry', 'retries')} {words}", rows)


def _demand_safe(
    told: pd.DataFrame, before: pd.DataFrame, follows: Any, accusation: Accusation
) -> None:
    keyless = (told["idempotency_key"] == "") & told["operation"].isin(_NEEDS_KEY)
    _accuse(accusation, "of a request that is not safe to repeat", told, follows & keyless)
    other = told["idempotency_key"] != before["idempotency_key"]
    _accuse(accusation, "under another key than the call's", told, follows & other)
    bodies = pick_evidence(told["evidence"], ["body"])["body"]
    both = bodies.notna() & bodies.shift().notna()
    _accuse(accusation, "with another body", told, follows & both & (bodies != bodies.shift()))
    settled = before["outcome"].isin(_SETTLED)
    _accuse(accusation, "of a call that was settled", told, follows & settled)


def _demand_patience(
    told: pd.DataFrame, before: pd.DataFrame, follows: Any, accusation: Accusation
) -> None:
    waits_ns = before["retry_after_s"].fillna(0.0) * NS_PER_S
    # Differences of integers, not of floats: those hold Unix times to 256 ns only.
    paused_ns = told["start_ns"] - told["end_ns"].shift(fill_value=0)
    early = paused_ns < waits_ns - TOLERANCE_NS
    _accuse(accusation, "before the wait was over", told, follows & early)


def _demand_whole(
    frame: pd.DataFrame,
    told: pd.DataFrame,
    before: pd.DataFrame,
    follows: Any,
    context: Context,
    accusation: Accusation,
) -> None:
    """
    Attempts are numbered without a hole, and go on exactly where the client says so.

    A wait that the load did not outlast is broken off: who waits then is woken to stop.
    """
    hole = np.where(follows, told["attempt"] != before["attempt"] + 1, told["attempt"] != 1)
    _accuse(accusation, "without the attempt before it", told, hole)
    ended = (before["disposition"] != Disposition.RETRIED).to_numpy()
    _accuse(accusation, "after the client had given the call up", told, follows & ended & ~hole)
    last = ~told["call_id"].duplicated(keep="last")
    dangling = told.loc[last & (told["disposition"] == Disposition.RETRIED)]
    single = frame.loc[frame["disposition"] == Disposition.RETRIED]
    single = single.loc[~single["call_id"].isin(told["call_id"].unique())]
    missing = pd.concat([dangling, single])
    missing = missing.loc[_due_ns(missing, context) < context.manifest.ended_ns]
    if len(missing):
        sentence = f"{count(len(missing), 'retry', 'retries')} announced and never made"
        accusation.add(sentence, missing.head(1))


def _due_ns(retried: pd.DataFrame, context: Context) -> pd.Series:
    """When the next attempt was to begin, at the latest."""
    policy = context.manifest.plan.get("retry", {})
    cap = policy.get("cap") if isinstance(policy, Mapping) else None
    backoff_s = parse_duration_ns(cap) / NS_PER_S if isinstance(cap, str) else _POLICY.cap_s
    waits_s = (retried["retry_after_s"] + _POLICY.jitter_s).fillna(backoff_s)
    due_ns: pd.Series = retried["end_ns"] + (waits_s * NS_PER_S).astype("int64")
    return due_ns + TOLERANCE_NS


def _demand_policy(
    frame: pd.DataFrame, told: pd.DataFrame, context: Context, accusation: Accusation
) -> None:
    policy = context.manifest.plan.get("retry", {})
    if not isinstance(policy, Mapping):
        return
    own = ~told["phase"].isin(_OWN_POLICY).to_numpy()
    if "attempts" in policy:
        beyond = own & (told["attempt"] > int(policy["attempts"])).to_numpy()
        _accuse(accusation, f"beyond {policy['attempts']} attempts", told, beyond)
    if "deadline" in policy:
        deadline = policy["deadline"]
        deadline_ns = (
            parse_duration_ns(deadline) if isinstance(deadline, str) else int(deadline)
        )
        begun_ns = told.groupby("call_id")["start_ns"].transform("min")
        late = (told["intended_ns"] - begun_ns > deadline_ns + TOLERANCE_NS).to_numpy()
        retry = (told["attempt"] > 1).to_numpy()
        _accuse(accusation, "after the call's deadline", told, own & retry & late)
    if "budget_fraction" in policy:
        _demand_budget(frame, float(policy["budget_fraction"]), context, accusation)


def _demand_budget(
    frame: pd.DataFrame, fraction: float, context: Context, accusation: Accusation
) -> None:
    retries = (frame["attempt"] > 1) & ~frame["phase"].isin(_OWN_POLICY)
    workers = frame["worker"]
    spent = retries.groupby(workers, observed=True).sum()
    begun = (frame["attempt"] == 1).groupby(workers, observed=True).sum()
    smooth = np.array([context.smooth.get(str(worker), 0) for worker in begun.index])
    earned = (begun + smooth) * fraction + RESERVE
    over = spent.index[(spent > earned).to_numpy()]
    if len(over):
        worker = over[0]
        sentence = (
            f"worker {worker} made {count(int(spent[worker]), 'retry', 'retries')} "
            f"on a budget of {earned[worker]:.0f}"
        )
        accusation.add(sentence, frame.loc[retries & (workers == worker)].head(3))


_READ = ("worker", "intended_ns", "retry_after_s", "disposition")

CHECK = Check(NAME, (*COLUMNS, *_READ), None, examine, skips_smooth=True)
"""`examine` as a check."""
