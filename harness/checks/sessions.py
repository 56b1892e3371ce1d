"""
Sessions live once: opened, closed, and never back from the dead.

A session that nobody closes holds a browser and a slot. What closes one is a DELETE
answered with a success, or any answer that it is gone (404, 410) or closed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.checks.check import Check, Context
from harness.checks.history import (
    COLUMNS,
    Accusation,
    Mask,
    call_unit,
    code_of,
    count,
    find_backward,
    is_complete,
    may_have_happened,
    pick_evidence,
    plan_duration_ns,
    succeeded,
)
from harness.checks.slots import GRACE_NS_DEFAULT, demand_slots
from harness.contract.outcomes import Outcome
from harness.verdicts import Finding

NAME = "sessions.lifecycle"
SLOT_DEADLINE = "slot_deadline"
"""Name of the scenario's setting: from a session's close to its slot's being free."""

_RANKS = {"provisioning": 0, "active": 1, "failed": 2, "closing": 2, "closed": 3}
_CLOSING = 2
_GONE = (404, 410)


def examine(frame: pd.DataFrame, context: Context) -> Finding:
    """
    Every session that was created is closed, its states only go forward, no id comes twice,
    and on the harness's own target its slot comes back.

    Unknown without a created session, for sessions whose close was never answered, and
    for creates that may have opened one that nobody knows (possible leaks): a later
    attempt under the same key settles them. O(n) in attempts, but for a sort of
    those that are out of order.
    """
    accusation = Accusation(NAME, context)
    named = (frame["resource_id"] != "").to_numpy()
    known = (frame if named.all() else frame.loc[named]).reset_index(drop=True)
    known = known.assign(session=code_of(known["resource_id"]))
    opened = known.loc[(known["operation"] == "create_session").to_numpy() & succeeded(known)]
    ranks = _rank(known)
    _demand_single_birth(opened, accusation)
    _demand_forward(known, ranks, accusation)
    closed = known["session"].to_numpy()[ranks >= _CLOSING]
    total = opened["session"].nunique()
    still_open = opened.loc[~opened["session"].isin(closed).to_numpy()]
    still_open = still_open.drop_duplicates("session")
    doubtful = _judge_open(still_open, known, context, accusation)
    refused = (frame["outcome"] == Outcome.CAPACITY_FULL).any()
    if refused and context.manifest.embedded and is_complete(context):
        ends = known.loc[ranks >= _CLOSING].groupby("resource_id")["end_ns"].min()
        grace_ns = plan_duration_ns(context, SLOT_DEADLINE)
        grace_ns = GRACE_NS_DEFAULT if grace_ns is None else grace_ns
        demand_slots(frame, ends, grace_ns, accusation)
    leaks = _find_possible_leaks(frame)
    doubts = []
    if len(doubtful):
        doubts.append(
            f"{count(len(doubtful), 'session')} of which no answer says that it closed"
        )
    if len(leaks):
        lost = leaks["call_id"].nunique()
        doubts.append(f"{count(lost, 'create')} without an answer may have leaked a session")
    if not total and not doubts:
        doubts.append("no session was created")
    passing = f"{count(total, 'session')} created, each closed, no state went back"
    return accusation.conclude(passing, "; ".join(doubts), pd.concat([doubtful, leaks]))


def _rank(known: pd.DataFrame) -> npt.NDArray[np.int8]:
    """How far along each answer says its session is; -1 where it says nothing."""
    ranks = np.full(len(known), -1, dtype=np.int8)
    operation, status = known["operation"], known["status"]
    answered = status.between(200, 299).to_numpy()
    read = answered & operation.isin(("create_session", "get_session")).to_numpy()
    states = pick_evidence(known.loc[read, "evidence"], ["state"])["state"]
    ranks[read] = states.map(_RANKS).astype(float).fillna(-1).to_numpy().astype(np.int8)
    # A create replayed under its key tells of the moment of its first answer.
    creates = known.loc[
        read & (operation == "create_session").to_numpy(), ["session", "end_ns"]
    ]
    order = np.argsort(creates["end_ns"].to_numpy(), kind="stable")
    again = creates["session"].iloc[order].duplicated().to_numpy()
    ranks[creates.index.to_numpy()[order[again]]] = -1
    deleted = (operation == "delete_session").to_numpy()
    ranks[answered & deleted] = _CLOSING
    gone = status.isin(_GONE).to_numpy() & operation.isin(("get_session", "delete_session"))
    ranks[gone] = _RANKS["closed"]
    return ranks


def _demand_single_birth(opened: pd.DataFrame, accusation: Accusation) -> None:
    """One id for two creates; a wrong replay, one key with two ids, is another promise's."""
    if not opened["session"].duplicated().any():
        return
    births = opened.assign(unit=code_of(call_unit(opened))).drop_duplicates(["unit", "session"])
    births = births.loc[~births["unit"].duplicated(keep=False)]
    twice = births.loc[births["session"].duplicated(keep=False)]
    if len(twice):
        first = twice["resource_id"].iloc[0]
        number = twice["resource_id"].nunique()
        rows = twice.loc[twice["resource_id"] == first]
        accusation.add(f"{count(number, 'session id')} given to more than one create", rows)


def _demand_forward(
    known: pd.DataFrame, ranks: npt.NDArray[np.int8], accusation: Accusation
) -> None:
    seen: Mask = ranks >= 0
    told = known.loc[seen, ["session", "start_ns", "end_ns"]]
    pairs = find_backward(told["session"].to_numpy(), told, ranks[seen])
    if len(pairs):
        sentence = f"{count(len(pairs) // 2, 'session')} went back to an earlier state"
        accusation.add(sentence, known.loc[told.index[pairs[:2]]])


def _judge_open(
    still_open: pd.DataFrame, known: pd.DataFrame, context: Context, accusation: Accusation
) -> pd.DataFrame:
    """Accuse what was surely left open; returns the sessions that may be closed."""
    if still_open.empty:
        return still_open
    deletes = known.loc[(known["operation"] == "delete_session").to_numpy()]
    maybe = deletes.loc[may_have_happened(deletes) | _unsent(deletes), "session"].unique()
    may_be_closed = np.array(still_open["session"].isin(maybe))
    if not is_complete(context):
        may_be_closed[:] = True
    left = still_open.loc[~may_be_closed]
    if len(left):
        first = left["resource_id"].iloc[0]
        tried = deletes.loc[deletes["resource_id"] == first].tail(3)
        rows = pd.concat([left.head(1), tried])
        accusation.add(f"{count(len(left), 'session')} never closed", rows)
    return still_open.loc[may_be_closed]


def _unsent(deletes: pd.DataFrame) -> Mask:
    """Closes that could not reach the target: not its fault, and not an answer."""
    mask: Mask = (deletes["outcome"] == "connection_refused").to_numpy()
    return mask


def _find_possible_leaks(frame: pd.DataFrame) -> pd.DataFrame:
    """Creates that may have happened and whose session no answer named."""
    creates = frame.loc[(frame["operation"] == "create_session").to_numpy()]
    lost = may_have_happened(creates) & ~succeeded(creates)
    if not lost.any():
        return creates.loc[lost]
    unit = code_of(call_unit(creates))
    named = np.unique(unit[succeeded(creates)])
    leaked = creates.assign(unit=unit).loc[lost & ~np.isin(unit, named)]
    return leaked.drop_duplicates("unit")


CHECK = Check(NAME, COLUMNS, ("create_session", "get_session", "delete_session"), examine)
"""`examine` as a check."""
