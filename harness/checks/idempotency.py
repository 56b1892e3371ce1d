"""
Idempotency: one key makes one resource, once.

Retries hide duplicates: a call with one success may have run a scraper twice. So all
responses to a key are compared, and delivered runs that no response named are counted
against the calls whose response was lost.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.checks.check import Check, TrialContext
from harness.checks.evidence import decode_evidence
from harness.checks.history import (
    COLUMNS,
    Codes,
    as_objects,
    factorize,
    intent_ids,
    is_complete,
    may_have_happened,
    succeeded,
)
from harness.checks.violations import FindingBuilder, pluralize
from harness.checks.webhook_events import collect_deliveries
from harness.verdicts import Finding

NAME = "idempotency.exactly_once"
_UNPROCESSABLE = 422


def check(frame: pd.DataFrame, context: TrialContext) -> Finding:
    """
    Every key names one resource, is executed once, and refuses another body.

    Unknown without a key that was sent twice, and for keys that were sent at least twice
    with an unknown effect each time: a single request cannot break the promise. O(n) in
    attempts; evidence is read only for keys sent twice.
    """
    has_key = (frame["idempotency_key"] != "").to_numpy()
    keyed = (frame if has_key.all() else frame.loc[has_key]).reset_index(drop=True)
    if keyed.empty:
        return FindingBuilder(NAME, context).build("", "no attempt carried a key")
    keys = _codes_by_unit(keyed)
    view = keyed.assign(key_code=keys, ok=succeeded(keyed), maybe=may_have_happened(keyed))
    finding = FindingBuilder(NAME, context)
    _check_one_resource(view, finding)
    _check_one_execution(view, context, finding)
    sent = np.bincount(keys, minlength=1)
    repeated = view.loc[sent[keys] > 1]
    _compare_bodies(repeated, finding)
    delivered_keys = _check_deliveries(frame, view, context, finding)
    has_ok = np.bincount(keys, weights=view["ok"], minlength=1) > 0
    doubts = np.bincount(keys, weights=view["maybe"] & ~view["ok"], minlength=1)
    unresolved = (doubts > 1) & ~has_ok
    unresolved[_codes_of(view, delivered_keys)] = False
    tested = int(((sent > 1) & has_ok).sum())
    left = int(unresolved.sum())
    pass_detail = f"{pluralize(tested, 'key')} sent more than once, each created one resource"
    unknown_reason, rows = "", None
    if left:
        unknown_reason = (
            f"{pluralize(left, 'key')} may have acted more than once and never got a response"
        )
        rows = view.loc[unresolved[keys]]
    elif not tested:
        unknown_reason = "no key was sent more than once with a success, so nothing was tested"
    return finding.build(pass_detail, unknown_reason, rows)


def _codes_by_unit(keyed: pd.DataFrame) -> Codes:
    """A code for each key of each operation; codes join faster than texts."""
    keys = factorize(keyed["idempotency_key"])
    operations = factorize(keyed["operation"])
    if not operations.any():
        return keys
    codes: Codes = pd.factorize(keys * (operations.max() + 1) + operations)[0]
    return codes


def _codes_of(view: pd.DataFrame, keys: set[str]) -> Codes:
    if not keys:
        return np.empty(0, dtype=np.intp)
    known = view.loc[view["idempotency_key"].isin(keys), "key_code"]
    return np.unique(known.to_numpy(dtype=np.intp))


def _check_one_resource(view: pd.DataFrame, finding: FindingBuilder) -> None:
    named = view.loc[view["ok"], ["key_code", "resource_id", "operation"]]
    keys, resources = named["key_code"].to_numpy(), factorize(named["resource_id"])
    ambiguous = _find_multiple(keys, resources)
    if len(ambiguous):
        first = view.loc[view["ok"] & (view["key_code"] == ambiguous[0])]
        rows = first.drop_duplicates("resource_id")
        finding.add(f"{pluralize(len(ambiguous), 'key')} led to more than one resource", rows)
    runs = (named["operation"] == "queue_run").to_numpy() & ~np.isin(keys, ambiguous)
    shared = _find_multiple(resources[runs], keys[runs])
    if len(shared):
        first = named["resource_id"].iloc[np.flatnonzero(resources == shared[0])[0]]
        rows = view.loc[view["ok"] & (view["resource_id"] == first)]
        rows = rows.drop_duplicates("key_code")
        finding.add(f"{pluralize(len(shared), 'run')} answered to more than one key", rows)


def _find_multiple(owners: Codes, owned: Codes) -> Codes:
    """Owners of more than one thing, in order of appearance."""
    if not len(owners):
        return owners
    first = np.full(int(owners.max()) + 1, -1)
    first[owners[::-1]] = owned[::-1]
    ambiguous: Codes = pd.unique(owners[first[owners] != owned])
    return ambiguous


def _check_one_execution(
    view: pd.DataFrame, context: TrialContext, finding: FindingBuilder
) -> None:
    runs = view.loc[view["operation"] == "queue_run"]
    fresh = runs.loc[runs["ok"] & (runs["replayed"] == 0)]
    again = fresh.loc[fresh["key_code"].duplicated(keep=False), "key_code"].unique()
    words = "answered replayed: false more than once"
    finding.add_subjects("key", words, again, fresh, "key_code")
    replayed = runs.loc[runs["ok"] & (runs["replayed"] == 1)]
    replayed_ns = replayed.groupby("key_code")["end_ns"].min()
    repeated = fresh.loc[(fresh["start_ns"] > fresh["key_code"].map(replayed_ns)).to_numpy()]
    words = "answered replayed: false after replayed: true"
    named = runs.loc[runs["ok"]]
    finding.add_subjects("key", words, repeated["key_code"].unique(), named, "key_code")
    if not (context.manifest.embedded and is_complete(context)):
        return  # another trial may have used the key, or its first request is not in the log
    begun = runs.loc[runs["ok"] | runs["maybe"]].sort_values("start_ns")
    first = begun.loc[~begun["key_code"].duplicated() & (begun["replayed"] == 1) & begun["ok"]]
    second_ns = begun.loc[begun["key_code"].duplicated()].groupby("key_code")["start_ns"].min()
    next_ns = first["key_code"].map(second_ns).fillna(np.inf)
    alone = first.loc[(next_ns >= first["end_ns"]).to_numpy()]
    finding.add_rows("key", "answered replayed: true to the first request", alone)


def _compare_bodies(repeated: pd.DataFrame, finding: FindingBuilder) -> None:
    if repeated.empty:
        return
    known = repeated.assign(body=decode_evidence(repeated["evidence"], ["body"])["body"])
    known = known.loc[known["body"].notna()]
    accepted = known.loc[known["ok"]].sort_values("end_ns").drop_duplicates("key_code")
    first = accepted.set_index("key_code")
    later = known.loc[known["key_code"].isin(first.index)]
    later = later.loc[(later["start_ns"] > later["key_code"].map(first["end_ns"])).to_numpy()]
    same = (later["body"] == later["key_code"].map(first["body"])).to_numpy()
    taken = later.loc[~same & later["status"].between(200, 299).to_numpy()]
    words = "with a used key and another body got a success"
    if len(taken):
        finding.add(f"{pluralize(len(taken), 'request')} {words}", _with_first(taken, accepted))
    refused = later.loc[same & (later["status"] == _UNPROCESSABLE).to_numpy()]
    if len(refused):
        number = pluralize(len(refused), "retry", "retries")
        words = f"{number} of the same request refused as another"
        finding.add(words, _with_first(refused, accepted))


def _with_first(rows: pd.DataFrame, accepted: pd.DataFrame) -> pd.DataFrame:
    first = accepted.loc[accepted["key_code"] == rows["key_code"].iloc[0]]
    both: pd.DataFrame = pd.concat([first, rows.head(1)])
    return both


def _check_deliveries(
    frame: pd.DataFrame, view: pd.DataFrame, context: TrialContext, finding: FindingBuilder
) -> set[str]:
    """Check deliveries; returns the keys whose run a delivery names."""
    deliveries = collect_deliveries(context.events)
    valid = deliveries.loc[(deliveries["signature"] == "valid") & (deliveries["run_id"] != "")]
    if valid.empty:
        return set()
    runs = view.loc[view["operation"] == "queue_run"]
    tagged = valid.loc[
        valid["tag"].isin(set(as_objects(runs["idempotency_key"]))), ["tag", "run_id"]
    ]
    answered = runs.loc[runs["ok"], ["idempotency_key", "resource_id"]]
    answered.columns = pd.Index(["tag", "run_id"])
    named = pd.concat([tagged, answered.loc[answered["tag"].isin(tagged["tag"])]])
    named = named.astype(object).drop_duplicates()
    twice = named.loc[named["tag"].duplicated(), "tag"].unique()
    if len(twice):
        rows = runs.loc[runs["idempotency_key"] == twice[0]]
        ids = ", ".join(sorted(named.loc[named["tag"] == twice[0], "run_id"]))
        sentence = f"webhooks show more than one run for {pluralize(len(twice), 'key')} ({ids})"
        finding.add(sentence, rows)
    queued = frame.loc[frame["operation"] == "queue_run"]
    known = set(as_objects(queued.loc[succeeded(queued), "resource_id"]))
    unnamed = sorted(set(valid.loc[~valid["tag"].isin(tagged["tag"]), "run_id"]) - known)
    lost = _count_lost(queued)
    if len(unnamed) > lost and is_complete(context):
        sentence = (
            f"webhooks show {pluralize(len(unnamed), 'run')} that no response named "
            f"({', '.join(unnamed[:3])}), but only {pluralize(lost, 'call')} got no response"
        )
        finding.add(sentence, queued.loc[may_have_happened(queued)])
    return set(tagged["tag"])


def _count_lost(queued: pd.DataFrame) -> int:
    """Calls (by key, or by id without one) that may have queued an unnamed run."""
    unit = intent_ids(queued)
    named = set(unit[succeeded(queued)])
    return len(set(unit[may_have_happened(queued)]) - named)


def _has_key(frame: pd.DataFrame, _context: TrialContext) -> bool:
    return not len(frame) or bool((frame["idempotency_key"] != "").any())


CHECK = Check(NAME, COLUMNS, ("create_session", "queue_run"), check, applies=_has_key)
