"""Histories that keep, break, or do not tell the promise of a key."""

from __future__ import annotations

from harness.checks.idempotency import CHECK
from harness.verdicts import Verdict
from tests.histories import (
    assert_verdict,
    create,
    delete,
    finding_of,
    parametrize_verdicts,
    queue,
    webhook,
)

SAME = {"probe": "same_key_same_body", "body": "b"}
OTHER = {"probe": "same_key_other_body", "body": "c", "outcome": "client_error", "status": 422}

GOOD = {
    "a retry is told of the first run": (
        queue("", at=0, key="k", call=1, outcome="timeout"),
        queue("r", at=1, key="k", call=1, attempt=2, replayed=1),
    ),
    "the first sending never arrived": (
        queue("", at=0, key="k", call=1, outcome="connection_lost"),
        queue("r", at=1, key="k", call=1, attempt=2, replayed=0),
    ),
    "a probe gets the same run, another body is refused": (
        queue("r", at=0, key="k", body="b"),
        queue("r", at=1, key="k", replayed=1, **SAME),
        queue("", at=2, key="k", **OTHER),
    ),
    "a probe gets the same session": (
        create("s", at=0, key="k", body="b"),
        create("s", at=1, key="k", **SAME),
    ),
    "the same key while the first is in flight is a conflict": (
        queue("r", at=0, took=2, key="k", body="b"),
        queue("", at=1, key="k", body="b", outcome="client_error", status=409),
        queue("r", at=3, key="k", body="b", replayed=1),
    ),
    "a lone lost answer at the end, and another key that was tested": (
        queue("r", at=0, key="k"),
        queue("r", at=1, key="k", replayed=1),
        queue("", at=59, key="last", outcome="timeout"),
    ),
    "answers overlap and come in another order": (
        queue("r", at=0, took=3, key="k", replayed=0),
        queue("r", at=1, took=1, key="k", replayed=1),
    ),
    "a delivery names the run of a key": (
        (queue("r", at=0, key="k"), queue("r", at=1, key="k", replayed=1)),
        (webhook("r", at=2, tag="k"),),
    ),
    "a key may be used for a run and for a session": (
        create("s", at=0, key="k"),
        queue("r", at=1, key="k"),
        queue("r", at=2, key="k", replayed=1),
    ),
}

BAD = {
    "two runs for one key": (
        queue("r1", at=0, key="k"),
        queue("r2", at=1, key="k", replayed=1),
    ),
    "two sessions for one key": (
        create("s1", at=0, key="k"),
        create("s2", at=1, key="k"),
    ),
    "made twice by its own words": (
        queue("r", at=0, key="k", replayed=0),
        queue("r", at=1, key="k", replayed=0),
    ),
    "made anew after its replay": (
        queue("", at=0, key="k", outcome="timeout"),
        queue("r", at=1, key="k", replayed=1),
        queue("r", at=2, key="k", replayed=0),
    ),
    "another body is taken": (
        queue("r", at=0, key="k", body="b"),
        queue("r", at=1, key="k", replayed=1, body="c", probe="same_key_other_body"),
    ),
    "the same body is refused as another": (
        queue("r", at=0, key="k", body="b"),
        queue("", at=1, key="k", body="b", outcome="client_error", status=422),
    ),
    "one run for two keys": (
        queue("r", at=0, key="k1"),
        queue("r", at=1, key="k2", replayed=1),
    ),
    "replayed although never sent before": (
        queue("r", at=0, key="k", replayed=1),
        queue("r", at=1, key="k", replayed=1),
    ),
    "webhooks of two runs for one key": (
        (
            queue("", at=0, key="k", call=1, outcome="timeout"),
            queue("r2", at=1, key="k", call=1, attempt=2),
        ),
        (webhook("r1", at=2, tag="k"), webhook("r2", at=2, tag="k")),
    ),
    "a webhook of a run that no answer named, and every call was answered": (
        (
            queue("", at=0, key="k", call=1, outcome="timeout"),
            queue("r2", at=1, key="k", call=1, attempt=2),
        ),
        (webhook("r1", at=2),),
    ),
}

UNKNOWN = {
    "no key": (queue("r", at=0),),
    "no key was sent twice": (queue("r1", at=0, key="k1"), queue("r2", at=0, key="k2")),
    "sent twice and never answered": (
        queue("r", at=0, key="k"),
        queue("r", at=1, key="k", replayed=1),
        queue("", at=2, key="l", call=9, outcome="timeout"),
        queue("", at=3, key="l", call=9, attempt=2, outcome="connection_lost"),
    ),
    "deletes only": (delete("s", at=0),),
}


@parametrize_verdicts(GOOD, BAD, UNKNOWN)
def test_every_history_gets_its_verdict(verdict, rows):
    """A promise kept passes, a broken one fails with its witness, what tells nothing is unknown."""
    assert_verdict(CHECK, verdict, rows, witness_max=3)


def test_a_cleanup_settles_what_was_lost():
    """A key sent twice without an answer is settled by a third sending in the sweep."""
    rows = (
        create("", at=0, key="k", call=1, outcome="timeout"),
        create("", at=1, key="k", call=1, attempt=2, outcome="timeout"),
        create("s", at=50, key="k", phase="cleanup"),
    )

    assert Verdict.PASS is finding_of(CHECK, rows).verdict


def test_a_delivery_settles_what_was_lost():
    """A key that never got an answer is settled by the one delivery that names its run."""
    rows = (
        queue("r", at=0, key="t"),
        queue("r", at=1, key="t", replayed=1),
        queue("", at=0, key="k", call=1, outcome="timeout"),
        queue("", at=1, key="k", call=1, attempt=2, outcome="timeout"),
    )

    assert Verdict.UNKNOWN is finding_of(CHECK, rows).verdict
    assert Verdict.PASS is finding_of(CHECK, (rows, (webhook("r9", at=2, tag="k"),))).verdict


def test_a_target_used_before_may_know_our_keys():
    """On a deployment that is not ours an early replay proves nothing."""
    rows = BAD["replayed although never sent before"]

    assert Verdict.PASS is finding_of(CHECK, rows, embedded=False).verdict
    assert Verdict.PASS is finding_of(CHECK, rows, worker="lost").verdict


def test_the_witness_tells_key_id_and_relative_time():
    """The smallest rows that show two runs for one key."""
    finding = finding_of(CHECK, BAD["two runs for one key"])

    assert [("k", "r1", 0.0), ("k", "r2", 1.0)] == [
        (row["key"], row["resource_id"], row["start_s"]) for row in finding.witness
    ]
    assert "1 key led to more than one resource" in finding.detail
