"""
Sessions are opened and closed once, and never reopen.

An open session holds a browser and a slot. A session is closed after a successful DELETE,
or any response that it is gone (404, 410) or closed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.checks.check import Check, TrialContext
from harness.checks.evidence import decode_evidence
from harness.checks.history import (
    COLUMNS,
    Codes,
    Mask,
    factorize,
    find_rank_decreases,
    intent_ids,
    is_complete,
    may_have_happened,
    plan_duration_ns,
    succeeded,
)
from harness.checks.slot_release import GRACE_NS_DEFAULT, check_slot_release
from harness.checks.violations import FindingBuilder, pluralize
from harness.contract.outcomes import Outcome
from harness.verdicts import Finding

NAME = "sessions.lifecycle"
SLOT_DEADLINE = "slot_deadline"
"""Scenario setting: time from a session's close until its slot is free."""

_RANKS = {"provisioning": 0, "active": 1, "failed": 2, "closing": 2, "closed": 3}
_CLOSING = 2
_GONE = (404, 410)


def check(frame: pd.DataFrame, context: TrialContext) -> Finding:
    """
    Every created session is closed, its state only goes forward, its id is unique, and on
    the harness's own target its slot comes back.

    Unknown without a created session, for sessions whose close got no response, and for
    creates with unknown effect (possible leaks) unless a later attempt under the same key
    resolves them. O(n) in attempts, except for a sort of those out of order.
    """
    finding = FindingBuilder(NAME, context)
    frame = frame.reset_index(drop=True)
    sessions = factorize(frame["resource_id"])
    opened = (frame["operation"] == "create_session").to_numpy() & succeeded(frame)
    ranks = _rank(frame, sessions)
    _check_unique_ids(frame, sessions, opened, finding)
    _check_state_order(frame, sessions, ranks, finding)
    born, closed = np.zeros((2, len(frame)), dtype=np.bool_)
    born[sessions[opened]] = True
    closed[sessions[ranks >= _CLOSING]] = True
    total = int(np.count_nonzero(born))
    left = np.flatnonzero(opened & ~closed[sessions])
    still_open = frame.loc[left].assign(session=sessions[left]).drop_duplicates("session")
    unresolved = _check_left_open(still_open, frame, sessions, context, finding)
    refused = (frame["outcome"] == Outcome.CAPACITY_FULL).any()
    if refused and context.manifest.embedded and is_complete(context):
        ends = frame.loc[ranks >= _CLOSING, ["resource_id", "end_ns"]]
        grace_ns = plan_duration_ns(context, SLOT_DEADLINE)
        grace_ns = GRACE_NS_DEFAULT if grace_ns is None else grace_ns
        check_slot_release(frame, ends.groupby("resource_id")["end_ns"].min(), grace_ns, finding)
    leaks = _find_possible_leaks(frame)
    unknown_reasons = []
    if len(unresolved):
        unknown_reasons.append(
            f"{pluralize(len(unresolved), 'session')} without a response that confirms the close"
        )
    if len(leaks):
        lost = leaks["call_id"].nunique()
        unknown_reasons.append(
            f"{pluralize(lost, 'create')} without a response may have leaked a session"
        )
    if not total and not unknown_reasons:
        unknown_reasons.append("no session was created")
    pass_detail = f"{pluralize(total, 'session')} created, each closed, no state went back"
    return finding.build(pass_detail, "; ".join(unknown_reasons), pd.concat([unresolved, leaks]))


def _rank(frame: pd.DataFrame, sessions: Codes) -> npt.NDArray[np.int8]:
    """The rank of the state in each response; -1 without one."""
    ranks = np.full(len(frame), -1, dtype=np.int8)
    operation, status = frame["operation"], frame["status"]
    named = (frame["resource_id"] != "").to_numpy()
    answered = named & status.between(200, 299).to_numpy()
    created = answered & (operation == "create_session").to_numpy()
    read = created | answered & (operation == "get_session").to_numpy()
    states = decode_evidence(frame.loc[read, "evidence"], ["state"])["state"]
    ranks[read] = states.map(_RANKS).astype(float).fillna(-1).to_numpy().astype(np.int8)
    # A replayed create shows the moment of its first response.
    creates = np.flatnonzero(created)
    creates = creates[np.argsort(frame["end_ns"].to_numpy()[creates], kind="stable")]
    ranks[creates[pd.Series(sessions[creates]).duplicated().to_numpy()]] = -1
    deleted = (operation == "delete_session").to_numpy()
    ranks[answered & deleted] = _CLOSING
    gone = status.isin(_GONE).to_numpy() & operation.isin(("get_session", "delete_session"))
    ranks[named & gone] = _RANKS["closed"]
    return ranks


def _check_unique_ids(
    frame: pd.DataFrame, sessions: Codes, opened: Mask, finding: FindingBuilder
) -> None:
    """One id for two creates; one key with two ids violates another promise."""
    if not pd.Series(sessions[opened]).duplicated().any():
        return
    births = frame.loc[opened].assign(session=sessions[opened])
    births = births.assign(unit=factorize(intent_ids(births))).drop_duplicates(["unit", "session"])
    births = births.loc[~births["unit"].duplicated(keep=False)]
    twice = births.loc[births["session"].duplicated(keep=False)]
    words, ids = "given to more than one create", twice["resource_id"].unique()
    finding.add_subjects("session id", words, ids, twice, "resource_id")


def _check_state_order(
    frame: pd.DataFrame, sessions: Codes, ranks: npt.NDArray[np.int8], finding: FindingBuilder
) -> None:
    seen = np.flatnonzero(ranks >= 0)
    observed = frame[["start_ns", "end_ns"]].take(seen)
    pairs = find_rank_decreases(sessions[seen], observed, ranks[seen])
    if len(pairs):
        sentence = f"{pluralize(len(pairs) // 2, 'session')} went back to an earlier state"
        finding.add(sentence, frame.loc[seen[pairs[:2]]])


def _check_left_open(
    still_open: pd.DataFrame,
    frame: pd.DataFrame,
    sessions: Codes,
    context: TrialContext,
    finding: FindingBuilder,
) -> pd.DataFrame:
    """Report sessions certainly left open; returns those that may be closed."""
    if still_open.empty:
        return still_open
    of_one = np.isin(sessions, still_open["session"])
    deletes = frame.loc[of_one & (frame["operation"] == "delete_session").to_numpy()]
    deletes = deletes.assign(session=sessions[deletes.index])
    maybe = deletes.loc[may_have_happened(deletes) | _unsent(deletes), "session"].unique()
    may_be_closed = np.array(still_open["session"].isin(maybe))
    if not is_complete(context):
        may_be_closed[:] = True
    left = still_open.loc[~may_be_closed]
    if len(left):
        first = left["resource_id"].iloc[0]
        tried = deletes.loc[deletes["resource_id"] == first].tail(3)
        rows = pd.concat([left.head(1), tried])
        finding.add(f"{pluralize(len(left), 'session')} never closed", rows)
    return still_open.loc[may_be_closed]


def _unsent(deletes: pd.DataFrame) -> Mask:
    """Closes that did not reach the target."""
    mask: Mask = (deletes["outcome"] == "connection_refused").to_numpy()
    return mask


def _find_possible_leaks(frame: pd.DataFrame) -> pd.DataFrame:
    """Creates that may have happened and whose session no response named."""
    create = (frame["operation"] == "create_session").to_numpy()
    lost = create & may_have_happened(frame) & ~succeeded(frame)
    if not lost.any():
        return frame.loc[lost]
    creates = frame.loc[create]
    unit = factorize(intent_ids(creates))
    named = np.unique(unit[succeeded(creates)])
    leaked = creates.assign(unit=unit).loc[lost[create] & ~np.isin(unit, named)]
    return leaked.drop_duplicates("unit")


_OPERATIONS = ("create_session", "get_session", "delete_session")

CHECK = Check(NAME, COLUMNS, _OPERATIONS, check, triggers=("create_session",))
