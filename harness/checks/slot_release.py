"""
Slots come back: what a closed session held is free for another one.

Nobody is told of slots; they show in refusals. If ten sessions were surely open at once,
there is room for ten. A create that is refused for want of room while at most three can
have been open means that the slots of closed sessions were not given back (or that ten
were more than fit). Only where nobody else uses the target.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.checks.history import intent_ids, may_have_happened, succeeded
from harness.checks.violations import FindingBuilder, pluralize
from harness.contract.outcomes import Outcome
from harness.units import format_duration

GRACE_NS_DEFAULT = 5_000_000_000
"""How long after its close a session's slot may still be held."""

_Ns = npt.NDArray[np.int64]
_FOREVER_NS = np.iinfo(np.int64).max


def check_slot_release(
    frame: pd.DataFrame, closed: pd.Series, grace_ns: int, finding: FindingBuilder
) -> None:
    """
    Accuse refusals that the sessions which may have been open do not explain. O(n log n).

    Args:
        frame: Every attempt of create_session and delete_session, in a complete trial.
        closed: Session id → Unix ns at which the first answer that it is closed had come.
        grace_ns: How long a slot may be held after that.
        finding: Where to accuse.
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
    wrong = refused.loc[(most < held) & (refused["start_ns"].to_numpy() > peak_ns)]
    if len(wrong):
        least = int(most[(most < held) & (refused["start_ns"].to_numpy() > peak_ns)].min())
        sentence = (
            f"{pluralize(len(wrong), 'create')} refused for want of room with {least:,} "
            "sessions "
            f"open or closed less than {format_duration(grace_ns)} before, though {held:,} "
            "had been open at once: slots were not given back"
        )
        finding.add(sentence, wrong.head(3))


def _ends(times_ns: pd.Series, index: pd.Index) -> _Ns:
    ends = times_ns.reindex(index).to_numpy(dtype=float, na_value=np.inf)
    known = np.isfinite(ends)
    # Floats hold Unix ns to 256 ns only; what is known is taken as the integer it was.
    exact = np.full(len(index), _FOREVER_NS, dtype=np.int64)
    exact[known] = times_ns.reindex(index[known]).to_numpy(dtype=np.int64)
    return exact


def _peak(froms: _Ns, tos: _Ns) -> tuple[int, int]:
    """The most intervals that held at once, and when it first was so."""
    if not len(froms):
        return 0, _FOREVER_NS
    times = np.concatenate([froms, tos])
    steps = np.concatenate([np.ones(len(froms), int), -np.ones(len(tos), int)])
    # At one instant an end counts before a beginning: they need not have overlapped.
    order = np.lexsort((steps, times))
    open_now = np.cumsum(steps[order])
    first = int(np.argmax(open_now))
    return int(open_now[first]), int(times[order][first])
