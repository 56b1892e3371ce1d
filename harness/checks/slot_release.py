"""
Slots come back: a closed session's slot is free for another one.

Slots are visible only in refusals. If ten sessions were certainly open concurrently, there
is room for ten. If a create is refused as full while at most three can be open, slots of
closed sessions were not released. Valid only without other users of the target.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.checks.history import intent_ids, may_have_happened, succeeded
from harness.checks.violations import FindingBuilder
from harness.contract.outcomes import Outcome
from harness.units import format_duration

GRACE_NS_DEFAULT = 5_000_000_000
"""How long a slot may be held after the session's close."""

_Ns = npt.NDArray[np.int64]
_FOREVER_NS = np.iinfo(np.int64).max


def check_slot_release(
    frame: pd.DataFrame, closed: pd.Series, grace_ns: int, finding: FindingBuilder
) -> None:
    """
    Report refusals that the possibly open sessions do not explain. O(n log n).

    `frame` has every attempt of create_session and delete_session of a complete trial, `closed`
    the Unix ns of each session's first response that it is closed. A slot may be held
    `grace_ns` longer.
    """
    creates = frame.loc[(frame["operation"] == "create_session").to_numpy()]
    refused = creates.loc[(creates["outcome"] == Outcome.CAPACITY_FULL).to_numpy()]
    if refused.empty:
        return
    opened = creates.loc[succeeded(creates)].sort_values("end_ns")
    opened = opened.drop_duplicates("resource_id").set_index("resource_id")
    deletes = frame.loc[(frame["operation"] == "delete_session").to_numpy()]
    asked_ns = deletes.groupby("resource_id")["start_ns"].min()
    surely_from = opened["end_ns"].to_numpy(dtype=np.int64)
    surely_to = _ends(asked_ns, opened.index)
    held, peak_ns = _peak(surely_from, surely_to)
    begun_ns = creates.groupby(intent_ids(creates))["start_ns"].min()
    perhaps_from = begun_ns.reindex(intent_ids(opened.reset_index())).to_numpy(dtype=np.int64)
    perhaps_to = _ends(closed, opened.index)
    perhaps_to = np.where(perhaps_to < _FOREVER_NS, perhaps_to + grace_ns, perhaps_to)
    lost = creates.loc[may_have_happened(creates) & ~succeeded(creates)]
    lost = lost.loc[~intent_ids(lost).isin(set(intent_ids(opened.reset_index()))).to_numpy()]
    froms = np.sort(np.concatenate([perhaps_from, lost["start_ns"].to_numpy(dtype=np.int64)]))
    tos = np.sort(np.concatenate([perhaps_to, np.full(len(lost), _FOREVER_NS)]))
    begun = np.searchsorted(froms, refused["end_ns"].to_numpy(), side="right")
    ended = np.searchsorted(tos, refused["start_ns"].to_numpy(), side="left")
    most = begun - ended
    wrong = (most < held) & (refused["start_ns"].to_numpy() > peak_ns)
    if wrong.any():
        sentence = (
            f"refused as full with {int(most[wrong].min()):,} sessions open or closed less than "
            f"{format_duration(grace_ns)} before, but {held:,} were open concurrently earlier: "
            "slots were not released"
        )
        finding.add_rows("create", sentence, refused.loc[wrong], shown=3)


def _ends(times_ns: pd.Series, index: pd.Index) -> _Ns:
    ends = times_ns.reindex(index).to_numpy(dtype=float, na_value=np.inf)
    known = np.isfinite(ends)
    # Floats hold Unix ns to 256 ns only, so known times are copied as integers.
    exact = np.full(len(index), _FOREVER_NS, dtype=np.int64)
    exact[known] = times_ns.reindex(index[known]).to_numpy(dtype=np.int64)
    return exact


def _peak(froms: _Ns, tos: _Ns) -> tuple[int, int]:
    """The largest number of overlapping intervals, and its first time."""
    if not len(froms):
        return 0, _FOREVER_NS
    times = np.concatenate([froms, tos])
    steps = np.concatenate([np.ones(len(froms), int), -np.ones(len(tos), int)])
    # At one instant an end counts before a start.
    order = np.lexsort((steps, times))
    open_now = np.cumsum(steps[order])
    first = int(np.argmax(open_now))
    return int(open_now[first]), int(times[order][first])
