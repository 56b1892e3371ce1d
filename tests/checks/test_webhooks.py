"""Deliveries that come as they should, and deliveries that do not."""

from __future__ import annotations

from harness.checks.webhooks import CHECK
from harness.trial.schema import INBOX_LOST, Event
from harness.verdicts import Verdict
from tests.histories import (
    ORIGIN_NS,
    assert_verdict,
    finding_of,
    get_run,
    parametrize_verdicts,
    queue,
    webhook,
)

NS = 10**9
RUN = (queue("r", at=0, webhook=True), get_run("r", "succeeded", at=5))
QUIET = (queue("q", at=0), get_run("q", "succeeded", at=5))

GOOD = {
    "told once": (RUN, (webhook("r", at=6),)),
    "told before our poll saw it": (RUN, (webhook("r", at=4),)),
    "told twice": (RUN, (webhook("r", at=6), webhook("r", at=7))),
    "told again until the inbox took it": (
        RUN,
        (webhook("r", at=6, status=500), webhook("r", at=7, status=0), webhook("r", at=8)),
    ),
    "a failed run": (
        (queue("r", at=0, webhook=True), get_run("r", "failed", at=5)),
        (webhook("r", "run.failed", at=6),),
    ),
    "another run asked for none": (RUN + QUIET, (webhook("r", at=6),)),
    "a run that ended at the very end is not due": (
        (*RUN, queue("l", at=50, webhook=True), get_run("l", "succeeded", at=58)),
        (webhook("r", at=6),),
    ),
    "a canceled run is not told of": (
        (*RUN, queue("c", at=0, webhook=True), get_run("c", "canceled", at=5)),
        (webhook("r", at=6),),
    ),
    "an event nobody subscribed to": (
        (
            *RUN,
            queue("f", at=0, webhook=True, events=["run.failed"]),
            get_run("f", "succeeded", at=5),
        ),
        (webhook("r", at=6),),
    ),
    "a wrong replay says nothing of the run that it named": (
        (
            *RUN,
            *QUIET,
            queue("r", at=0, webhook=True, key="k"),
            queue("q", at=1, webhook=True, key="k", replayed=1),
        ),
        (webhook("r", at=6),),
    ),
    "a stranger's delivery is not ours": (
        RUN,
        (webhook("r", at=6), webhook("x", signature="forged")),
    ),
}

BAD = {
    "never told": (RUN, ()),
    "told too late": (RUN, (webhook("r", at=30),)),
    "told of another end": (RUN, (webhook("r", "run.failed", at=6),)),
    "told with another status": (RUN, (webhook("r", at=6, run_status="running"),)),
    "signed wrongly": (RUN, (webhook("r", at=6, signature="forged"),)),
    "signed wrongly at first": (
        RUN,
        (webhook("r", at=6, signature="forged"), webhook("r", at=7)),
    ),
    "not signed": (RUN, (webhook("r", at=6, signature="missing"),)),
    "signed too long ago": (RUN, (webhook("r", at=6, signature="stale"),)),
    "told of a run that asked for nothing": (
        RUN + QUIET,
        (webhook("r", at=6), webhook("q", at=6)),
    ),
    "told of an event nobody subscribed to": (
        (
            *RUN,
            queue("f", at=0, webhook=True, events=["run.failed"]),
            get_run("f", "succeeded", at=5),
        ),
        (webhook("r", at=6), webhook("f", at=6)),
    ),
    "told of a canceled run": (
        (queue("c", at=0, webhook=True), get_run("c", "canceled", at=5)),
        (webhook("c", at=6),),
    ),
}

UNKNOWN = {
    "no end was seen": ((queue("r", at=0, webhook=True), get_run("r", "running", at=5)), ()),
    "the only end came at the very end": (
        (queue("r", at=50, webhook=True), get_run("r", "succeeded", at=58)),
        (),
    ),
    "no webhook was asked for": (QUIET, ()),
}


@parametrize_verdicts(GOOD, BAD, UNKNOWN)
def test_every_history_gets_its_verdict(verdict, rows):
    """A promise kept passes, a broken one fails with its witness, what tells nothing is unknown."""
    assert_verdict(CHECK, verdict, rows)


def test_what_is_missing_in_a_trial_that_was_cut_off_is_a_doubt():
    """The inbox may have ended before the load did; what came too late came too late."""
    rows = (*RUN, queue("l", at=0, webhook=True), get_run("l", "succeeded", at=5))
    one = (rows, (webhook("r", at=6),))
    late = (rows, (webhook("r", at=6), webhook("l", at=30)))
    findings = [
        finding_of(CHECK, one),
        finding_of(CHECK, one, state="interrupted"),
        finding_of(CHECK, one, worker="lost"),
        finding_of(CHECK, late, state="interrupted"),
    ]

    assert ["fail", "unknown", "unknown", "fail"] == [f.verdict for f in findings]
    assert findings[1].detail == "1 run without a delivery in an incomplete trial"


def test_what_a_dead_inbox_did_not_hear_is_a_doubt():
    """It is not known when it died, only that it lived at its last delivery."""
    died = Event(ORIGIN_NS + 60 * NS, "note", data={"lost": INBOX_LOST})
    rows = (*RUN, queue("l", at=0, webhook=True), get_run("l", "succeeded", at=5))
    unheard = (rows, (webhook("r", at=6), died))
    missed = (rows, (webhook("r", at=6), webhook("r", at=40), died))
    findings = [finding_of(CHECK, case) for case in (unheard, missed, (rows, (died,)))]

    assert ["unknown", "fail", "unknown"] == [f.verdict for f in findings]
    assert findings[0].detail.startswith("the webhook inbox failed during the load")


def test_the_plans_deadline_is_heeded():
    """25 s after the status seen is late for 10 s, and in time for 30 s."""
    rows = (RUN, (webhook("r", at=30),))
    plan = {"scenario": {"run_polling": {"webhook_deadline": "30s"}}}

    assert Verdict.PASS is finding_of(CHECK, rows, plan=plan).verdict


def test_duplicates_order_and_latency_are_told():
    """r ended at 5.0 s and was told of at 6 s and 7 s, l ended at 4.5 s and came at 6.5 s."""
    rows = (*RUN, queue("l", at=0, webhook=True), get_run("l", "succeeded", at=5))
    events = (
        webhook("r", at=6, ended_ns=ORIGIN_NS + 5 * NS),
        webhook("l", at=6.5, ended_ns=ORIGIN_NS + 9 * NS // 2, status=500),
        webhook("r", at=7, ended_ns=ORIGIN_NS + 5 * NS),
        webhook("l", at=8, ended_ns=ORIGIN_NS + 9 * NS // 2),
    )

    assert (
        "2 runs delivered; 1 duplicate; 1 out of order; from the run's end to its "
        "delivery: median 1.5 s, at most 2 s"
    ) == finding_of(CHECK, (rows, events)).detail


def test_latency_without_the_runs_end_counts_from_the_poll_that_saw_it():
    """The polls were over at 5.1 s; one delivery came 0.9 s later, one before."""
    rows = (*RUN, queue("l", at=0, webhook=True), get_run("l", "succeeded", at=5))

    assert (
        "2 runs delivered; 0 duplicates; from the observed final status to the delivery: "
        "median 900 ms, at most 900 ms; 1 before a poll showed the end"
    ) == finding_of(CHECK, (rows, (webhook("r", at=6), webhook("l", at=4)))).detail
