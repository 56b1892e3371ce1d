"""
Shared by the checks of histories: columns, unknown effects, order in time.

An attempt's *effect* is one of three, after Jepsen's ok, fail and info: it happened (a
success), it did not (a refusal), or it is unknown. "Before" means that one attempt ended
when the other began; overlapping attempts have no order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.checks.check import TrialContext
from harness.contract.outcomes import MAY_HAVE_HAPPENED, Outcome
from harness.units import NS_PER_S, parse_duration_ns

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.intp]

COLUMNS = (
    "phase",
    "operation",
    "call_id",
    "attempt",
    "start_ns",
    "end_ns",
    "status",
    "code",
    "outcome",
    "idempotency_key",
    "resource_id",
    "replayed",
    "bytes_out",
    "evidence",
)
"""The columns that checks of histories read."""


def may_have_happened(frame: pd.DataFrame) -> Mask:
    """Attempts whose effect is unknown: uncertain outcomes, unless no byte was sent."""
    sent = ((frame["bytes_out"] > 0) | (frame["status"] > 0)).to_numpy()
    mask: Mask = frame["outcome"].isin(list(MAY_HAVE_HAPPENED)).to_numpy() & sent
    return mask


def succeeded(frame: pd.DataFrame) -> Mask:
    """Attempts with a success that names its resource, even if the response is invalid."""
    ok = (frame["outcome"] == Outcome.OK).to_numpy()
    misshapen = (frame["outcome"] == Outcome.INVALID_RESPONSE) & frame["status"].between(200, 299)
    named: Mask = (frame["resource_id"] != "").to_numpy()
    return named & (ok | misshapen.to_numpy())


def as_objects(values: pd.Series) -> npt.NDArray[np.object_]:
    """A text column as Python strings: sets and lookups of Arrow strings are slow."""
    return np.asarray(values, dtype=object)


def intent_ids(rows: pd.DataFrame) -> pd.Series:
    """The intent of each attempt: its key, or its call if it has no key."""
    keys = pd.Series(as_objects(rows["idempotency_key"]), index=rows.index)
    return keys.where(keys != "", rows["call_id"])


def factorize(values: pd.Series) -> Codes:
    """An integer code per distinct value."""
    codes: Codes = pd.factorize(values)[0]
    return codes


def find_rank_decreases(groups: Codes, frame: pd.DataFrame, ranks: npt.NDArray[np.int8]) -> Codes:
    """
    Observations of a lower rank than an observation that ended before they began.

    O(n log n) at worst, near O(n) for attempts in order; only suspicious groups are
    compared with regard to overlap.

    Args:
        groups: Code of each row's subject.
        frame: At least ``start_ns`` and ``end_ns``.
        ranks: Progress of each observation.

    Returns:
        Row positions in `frame`, pairs in one flat array: earlier, later, earlier, …
    """
    starts = frame["start_ns"].to_numpy()
    order = np.argsort(starts, kind="stable")
    highest = pd.Series(ranks[order]).groupby(groups[order]).cummax().to_numpy()
    suspects = np.unique(groups[order][ranks[order] < highest])
    rows = np.flatnonzero(np.isin(groups, suspects))
    rows = rows[np.lexsort((starts[rows], groups[rows]))]
    ends = frame["end_ns"].to_numpy()
    pairs: list[int] = []
    if not len(rows):
        return np.array(pairs, dtype=np.intp)
    for members in np.split(rows, np.flatnonzero(np.diff(groups[rows])) + 1):
        for later in members:
            before = members[(ends[members] < starts[later]) & (ranks[members] > ranks[later])]
            if len(before):
                pairs += [int(before[0]), int(later)]
                break
    return np.array(pairs, dtype=np.intp)


def is_complete(context: TrialContext) -> bool:
    """Whether the log holds every attempt: only then does absence prove anything."""
    manifest = context.manifest
    drained = all(end.state == "drained" for end in manifest.workers)
    return manifest.state == "complete" and drained


def plan_duration_ns(context: TrialContext, name: str) -> int | None:
    """The longest scenario setting ``name``, or ``scenario.name``; None without any."""
    tables = context.manifest.plan.get("scenario", {})
    scenario, _, key = name.rpartition(".")
    found = [
        _duration_ns(table[key])
        for owner, table in (tables.items() if isinstance(tables, dict) else ())
        if isinstance(table, dict) and key in table and scenario in ("", owner)
    ]
    return max(found, default=None)


def _duration_ns(value: Any) -> int:
    return parse_duration_ns(value) if isinstance(value, str) else int(value * NS_PER_S)
