"""
Webhooks arrive: each subscribed end of a run is delivered correctly, in time, and no other.

The deadline counts from the poll that first shows a final status, which is never too early.
Latency counts from the run's end in the delivery, by the target's clock.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from harness.checks.check import Check, TrialContext
from harness.checks.evidence import decode_evidence
from harness.checks.history import (
    COLUMNS,
    Mask,
    intent_ids,
    is_complete,
    plan_duration_ns,
    succeeded,
)
from harness.checks.violations import FindingBuilder, pluralize
from harness.checks.webhook_events import collect_deliveries
from harness.trial.schema import INBOX_LOST
from harness.units import NS_PER_S, format_duration
from harness.verdicts import Finding

NAME = "webhooks.delivery"
DEADLINE = "webhook_deadline"
"""Scenario setting: time from a final status to its delivery."""
DEADLINE_NS_DEFAULT = 10 * NS_PER_S

_EVENTS = ("run.succeeded", "run.failed")
_BAD = ("forged", "missing", "stale")


def check(frame: pd.DataFrame, context: TrialContext) -> Finding:
    """
    Each run that ended in a subscribed event got a valid delivery with the right status
    in time; no other run got one.

    Nothing is due for a run without an observed end, or if the trial ended before the
    deadline. Duplicates are allowed (at least once) and counted. Unknown if nothing was due,
    if the inbox failed, and for deliveries missing from an incomplete trial. O(n).
    """
    finding = FindingBuilder(NAME, context)
    deliveries = collect_deliveries(context.events)
    frame = _select_runs(frame, set(deliveries["run_id"]))
    runs = _gather_runs(frame)
    own = deliveries.loc[deliveries["run_id"].isin(runs.index)]
    valid = own.loc[(own["signature"] == "valid")]
    _check_contents(runs, own, valid, frame, finding)
    deadline_ns = plan_duration_ns(context, DEADLINE) or DEADLINE_NS_DEFAULT
    until_ns = _observed_until_ns(frame, deliveries, context)
    due = runs.loc[runs["wanted"] & (runs["final_ns"] > 0)]
    first_ns = valid.groupby("run_id")["time_ns"].min()
    came_ns = first_ns.reindex(due.index).astype(float)
    waits_ns = came_ns - due["final_ns"]
    missing = came_ns.isna().to_numpy()
    ripe = (due["final_ns"] + deadline_ns < until_ns).to_numpy()
    # In an incomplete trial the inbox may have ended early.
    absent = missing & ripe & is_complete(context)
    _check_deadlines(due, absent, waits_ns > deadline_ns, deadline_ns, frame, finding)
    number_notified = int((~missing).sum())
    pass_detail = _describe(number_notified, waits_ns, own, valid)
    young = int((missing & ~ripe).sum())
    if young:
        pass_detail += f"; {young:,} not due before the trial ended"
    unknown_reason = "" if number_notified else "no delivery was due and none came"
    if _lost_inbox(context):
        unknown_reason = "the webhook inbox failed during the load: later deliveries are unknown"
    if lost := int((missing & ripe & ~absent).sum()):
        unknown_reason = f"{pluralize(lost, 'run')} without a delivery in an incomplete trial"
    return finding.build(pass_detail, unknown_reason)


def _select_runs(frame: pd.DataFrame, delivered: set[str]) -> pd.DataFrame:
    """Attempts of runs with a webhook or a delivery: often a small part."""
    frame = frame.loc[(frame["resource_id"] != "").to_numpy()]
    codes, ids = pd.factorize(frame["resource_id"])
    queued = (frame["operation"] == "queue_run").to_numpy()
    asked = decode_evidence(frame.loc[queued, "evidence"], ["webhook"])["webhook"]
    concerned = np.zeros(len(ids) + 1, dtype=np.bool_)
    concerned[codes[queued][(asked == True).to_numpy()]] = True  # noqa: E712  None is unknown
    if delivered:
        concerned[:-1] |= pd.Index(np.asarray(ids, dtype=object)).isin(delivered)
    return frame.loc[concerned[codes]]


def _gather_runs(frame: pd.DataFrame) -> pd.DataFrame:
    """
    One row per queued run, by run id.

    Columns:
        asked     bool    with a webhook
        wanted    bool    ... for the event in which it ended
        events    object  names of the subscribed events; None if unknown
        final     object  its final status; "" if not observed
        final_ns  int64   Unix ns of the first observation; 0 without one
    """
    queued = frame.loc[(frame["operation"] == "queue_run").to_numpy() & succeeded(frame)]
    queued = queued.loc[_has_one_run(queued)]
    evidence = decode_evidence(queued["evidence"], ["webhook", "events"])
    ids = queued["resource_id"].astype(object)
    asked = (evidence["webhook"] == True).groupby(ids).any()  # noqa: E712  None is unknown
    events = evidence["events"].groupby(ids).first().reindex(asked.index)
    answered = frame.loc[frame["status"].between(200, 299).to_numpy()]
    statuses = decode_evidence(answered["evidence"], ["status"])["status"]
    ends = answered.assign(final=statuses).loc[
        statuses.isin(("succeeded", "failed", "canceled")).to_numpy()
    ]
    ends = ends.sort_values("end_ns").drop_duplicates(["resource_id", "final"])
    # Two final statuses violate runs.lifecycle and say nothing about a delivery.
    ends = ends.loc[~ends["resource_id"].duplicated(keep=False)].set_index("resource_id")
    final = ends["final"].reindex(asked.index).fillna("").astype(object)
    final_ns = ends["end_ns"].reindex(asked.index).fillna(0).astype("int64")
    subscribed = [
        f"run.{status}" in (names if isinstance(names, tuple) else _EVENTS)
        for status, names in zip(final, events, strict=True)
    ]
    wanted = asked.to_numpy(dtype=bool) & pd.Series(subscribed, dtype=bool).to_numpy()
    return pd.DataFrame(
        {
            "asked": asked.to_numpy(dtype=bool),
            "wanted": wanted,
            "events": events,
            "final": final,
            "final_ns": final_ns,
        },
        index=asked.index,
    )


def _has_one_run(queued: pd.DataFrame) -> Mask:
    """Responses of keys with one run: of two, the one with the webhook is unknown."""
    named = queued.groupby(intent_ids(queued))["resource_id"].transform("nunique")
    alone: Mask = (named == 1).to_numpy()
    return alone


def _check_contents(
    runs: pd.DataFrame,
    own: pd.DataFrame,
    valid: pd.DataFrame,
    frame: pd.DataFrame,
    finding: FindingBuilder,
) -> None:
    forged = own.loc[own["signature"].isin(_BAD)]
    asked = valid["run_id"].map(runs["asked"]).to_numpy(dtype=bool)
    named = valid["run_id"].map(runs["events"])
    unsubscribed = [
        isinstance(events, tuple) and kind not in events
        for events, kind in zip(named, valid["type"], strict=True)
    ]
    final = valid["run_id"].map(runs["final"]).astype(object)
    status = valid["run_status"].where(valid["run_status"] != "", valid["type"].str[4:])
    differs = (valid["type"] != final.map("run.{}".format)) | (status != final)
    kinds = ", ".join(sorted(set(forged["signature"])))
    flaws = {
        f"with a bad signature ({kinds})": forged,
        "for runs without a webhook": valid.loc[~asked],
        "of an event without a subscription": valid.loc[
            asked & np.array(unsubscribed, dtype=np.bool_)
        ],
        "with another status than the run's": valid.loc[differs & (final != "") & asked],
    }
    for words, wrong in flaws.items():
        if len(wrong):
            sentence = f"{pluralize(len(wrong), 'delivery', 'deliveries')} {words}"
            finding.add(sentence, _rows_of(frame, wrong))


def _check_deadlines(
    due: pd.DataFrame,
    missing: Any,
    late: pd.Series,
    deadline_ns: int,
    frame: pd.DataFrame,
    finding: FindingBuilder,
) -> None:
    span = format_duration(deadline_ns)
    for words, flaw in (
        (f"got no valid delivery within {span}", missing),
        (f"got the first valid delivery later than {span}", late.to_numpy()),
    ):
        if flaw.any():
            first = due.index[flaw][0]
            rows = frame.loc[(frame["resource_id"] == first).to_numpy()]
            finding.add(f"{pluralize(int(flaw.sum()), 'run')} {words}", rows.tail(3))


def _rows_of(frame: pd.DataFrame, deliveries: pd.DataFrame) -> pd.DataFrame:
    rows: pd.DataFrame = frame.loc[frame["resource_id"] == deliveries["run_id"].iloc[0]]
    return rows


def _observed_until_ns(frame: pd.DataFrame, deliveries: pd.DataFrame, context: TrialContext) -> int:
    """The last moment at which a delivery would be observed; 0 if unknown."""
    if _lost_inbox(context):  # it failed at an unknown time after its last delivery
        return int(deliveries["time_ns"].max()) if len(deliveries) else 0
    moments = [context.manifest.ended_ns]
    moments += [
        int(times.max()) for times in (frame["end_ns"], deliveries["time_ns"]) if len(times)
    ]
    return max(moments)


def _lost_inbox(context: TrialContext) -> bool:
    notes = (event for event in context.events if event.kind == "note")
    return any(note.data.get("lost") == INBOX_LOST for note in notes)


def _describe(notified: int, waits_ns: pd.Series, own: pd.DataFrame, valid: pd.DataFrame) -> str:
    """Describe duplicates, order and latency."""
    genuine = own.loc[own["signature"].isin(("valid", "replayed")) & (own["delivery_id"] != "")]
    taken = genuine["status"].between(200, 299).astype(int)
    # A redelivery after a 2xx is a duplicate; after a refusal it is required.
    before = taken.groupby(genuine["delivery_id"]).cumsum() - taken
    duplicates = int((before > 0).sum())
    detail = f"{pluralize(notified, 'run')} delivered; {pluralize(duplicates, 'duplicate')}"
    first = valid.drop_duplicates("run_id")
    timed = first.loc[first["ended_ns"] > 0]
    if len(timed):
        late_ns = (timed["time_ns"] - timed["ended_ns"]).clip(lower=0)
        overtaken = int((timed["ended_ns"] < timed["ended_ns"].cummax()).sum())
        return (
            f"{detail}; {overtaken:,} out of order; from the run's end to its "
            f"delivery: median {format_duration(float(late_ns.median()))}, "
            f"at most {format_duration(float(late_ns.max()))}"
        )
    waits = waits_ns.dropna()
    after = waits.loc[waits > 0]
    if len(after):
        detail += (
            f"; from the observed final status to the delivery: median "
            f"{format_duration(float(after.median()))}, "
            f"at most {format_duration(float(after.max()))}"
        )
    early = len(waits) - len(after)
    return detail + (f"; {early:,} before a poll showed the end" if early else "")


def _has_webhooks(frame: pd.DataFrame, context: TrialContext) -> bool:
    if any(event.kind == "webhook" for event in context.events):
        return True
    queued = frame.loc[(frame["operation"] == "queue_run").to_numpy(), "evidence"]
    return bool(queued.astype(object).str.contains('"webhook":true', regex=False).any())


CHECK = Check(
    NAME,
    COLUMNS,
    ("queue_run", "get_run"),
    check,
    triggers=("queue_run",),
    applies=_has_webhooks,
    reads_with="runs",
)
