"""Sessions that live once, and sessions that do not."""

from __future__ import annotations

import pytest

from harness.checks.sessions import CHECK
from harness.verdicts import Verdict
from tests.histories import (
    assert_verdict,
    create,
    delete,
    finding_of,
    get_session,
    parametrize_verdicts,
)

GOOD = {
    "created, read, closed": (
        create("s", at=0),
        get_session("s", "active", at=1),
        delete("s", at=2),
    ),
    "closed, and said to be gone": (
        create("s", at=0),
        delete("s", at=1),
        get_session("s", at=2, outcome="session_closed"),
        delete("s", at=3, outcome="not_found", probe="deleted_again"),
    ),
    "the lost close is settled by the next": (
        create("s", at=0),
        delete("s", at=1, call=1, outcome="connection_lost"),
        delete("s", at=2, call=1, attempt=2, outcome="not_found"),
    ),
    "the lost close is settled by an answer that it is closed": (
        create("s", at=0),
        delete("s", at=1, call=1, outcome="connection_lost"),
        delete("s", at=2, call=1, attempt=2, outcome="session_closed"),
    ),
    "the lost create is hunted down by the sweep": (
        create("", at=0, key="k", outcome="timeout"),
        create("s", at=50, key="k", phase="cleanup"),
        delete("s", at=51, phase="cleanup"),
    ),
    "closing is a way to closed": (
        create("s", at=0, state="provisioning"),
        get_session("s", "active", at=1),
        delete("s", at=2),
        get_session("s", "closing", at=3),
        get_session("s", "closed", at=4),
    ),
    "a read that overlaps the close may still see it active": (
        create("s", at=0),
        delete("s", at=1, took=2),
        get_session("s", "active", at=1.5, took=2),
    ),
    "a refused create opens nothing": (
        create("", at=0, key="k", outcome="capacity_full"),
        create("s", at=1, key="l"),
        delete("s", at=2),
    ),
    "a create that never left opens nothing": (
        create("", at=0, key="k", outcome="timeout", bytes_out=0),
        create("s", at=1, key="l"),
        delete("s", at=2),
    ),
    "a replayed create tells of its first answer": (
        create("s", at=0, key="k"),
        delete("s", at=1),
        create("s", at=2, key="k", probe="same_key_same_body"),
    ),
    "a stale race just after the create closes nothing": (
        create("s", at=0),
        get_session("s", at=1, outcome="session_closed", status=409),
        get_session("s", "active", at=2),
        delete("s", at=3),
    ),
}

BAD = {
    "never closed": (create("s", at=0), get_session("s", "active", at=1)),
    "the close was refused to the end": (
        create("s", at=0),
        delete("s", at=1, outcome="rate_limited"),
    ),
    "alive after its close": (
        create("s", at=0),
        delete("s", at=1),
        get_session("s", "active", at=2),
    ),
    "found again after it was gone": (
        create("s", at=0),
        delete("s", at=1),
        get_session("s", at=2, outcome="not_found"),
        get_session("s", "closing", at=3),
    ),
    "back to provisioning": (
        create("s", at=0),
        get_session("s", "provisioning", at=1),
        delete("s", at=2),
    ),
    "one id for two creates": (
        create("s", at=0, key="k1"),
        create("s", at=1, key="k2"),
        delete("s", at=2),
    ),
    "one id for two creates without keys": (
        create("s", at=0),
        create("s", at=1),
        delete("s", at=2),
    ),
}

UNKNOWN = {
    "nothing was created": (get_session("s", "active", at=0),),
    "every create was refused": (create("", at=0, outcome="capacity_full"),),
    "the close was never answered": (create("s", at=0), delete("s", at=1, outcome="timeout")),
    "the target could not be reached any more": (
        create("s", at=0),
        delete("s", at=1, outcome="connection_refused"),
    ),
    "a create that may have leaked": (
        create("s", at=0),
        delete("s", at=1),
        create("", at=2, key="k", outcome="connection_lost"),
    ),
}


@parametrize_verdicts(GOOD, BAD, UNKNOWN)
def test_every_history_gets_its_verdict(verdict, rows):
    """A promise kept passes, a broken one fails with its witness, what tells nothing is unknown."""
    assert_verdict(CHECK, verdict, rows)


@pytest.mark.parametrize("options", [{"state": "interrupted"}, {"worker": "lost"}])
def test_an_open_session_is_unknown_where_attempts_are_missing(options):
    """Its close may be among the attempts that never reached the log."""
    rows = BAD["never closed"]

    assert Verdict.UNKNOWN is finding_of(CHECK, rows, **options).verdict


FULL = create("", at=20, key="k9", outcome="capacity_full")
TWO = (
    create("a", at=0, key="k1"),
    create("b", at=1, key="k2"),
    delete("a", at=3),
    delete("b", at=4),
)
SLOTS_KEPT = {
    "full with nobody there": ((*TWO, FULL), {}),
    "full with one there, where two had been": (
        (*TWO, create("c", at=15, key="k3"), FULL, delete("c", at=30)),
        {},
    ),
    "full after the deadline of the plan": (
        (*TWO, FULL),
        {"plan": {"scenario": {"session_churn": {"slot_deadline": "15s"}}}},
    ),
}
SLOTS_GIVEN_BACK = {
    "full with as many there as ever": (
        (
            *TWO,
            create("c", at=15, key="k3"),
            create("d", at=16, key="k4"),
            FULL,
            delete("c", at=30),
            delete("d", at=30),
        ),
        {},
    ),
    "full, and one may be there of a create that was lost": (
        (
            *TWO,
            create("c", at=15, key="k3"),
            create("", at=16, key="k4", outcome="timeout"),
            FULL,
            delete("c", at=30),
        ),
        {},
    ),
    "full just after the close": (
        (
            *TWO[:2],
            *(row | {} for row in TWO[2:]),
            create("", at=8, key="k9", outcome="capacity_full"),
        ),
        {},
    ),
    "full before the plan's deadline": (
        (*TWO, FULL),
        {"plan": {"scenario": {"session_churn": {"slot_deadline": "20s"}}}},
    ),
    "full in a workspace that others use": ((*TWO, FULL), {"embedded": False}),
    "full, and attempts are missing": ((*TWO, FULL), {"state": "interrupted"}),
    "the two were never open at once": (
        (
            create("a", at=0, key="k1"),
            delete("a", at=1),
            create("b", at=2, key="k2"),
            delete("b", at=30),
            FULL,
        ),
        {},
    ),
}


@pytest.mark.parametrize("name", SLOTS_KEPT)
def test_a_slot_that_is_not_given_back_is_seen_in_the_refusals(name):
    """There was room for two, and now there is none, though both are long closed."""
    rows, options = SLOTS_KEPT[name]
    finding = finding_of(CHECK, rows, **options)

    assert Verdict.FAIL is finding.verdict, finding.detail
    assert "slots were not released" in finding.detail
    assert "capacity_full" == finding.witness[0]["outcome"]


@pytest.mark.parametrize("name", SLOTS_GIVEN_BACK)
def test_a_refusal_that_can_be_explained_is_none(name):
    """Others may be there, or the close is too fresh, or nothing shows how many fit."""
    rows, options = SLOTS_GIVEN_BACK[name]

    assert Verdict.FAIL is not finding_of(CHECK, rows, **options).verdict


def test_a_wrong_replay_is_another_promises_fault():
    """A key that got two ids breaks exactly_once; here the shared id is not told again."""
    rows = (
        create("s1", at=0, key="k1"),
        create("s2", at=0, key="k2"),
        create("s1", at=1, key="k2"),
        delete("s1", at=2),
        delete("s2", at=2),
    )

    assert Verdict.PASS is finding_of(CHECK, rows).verdict
