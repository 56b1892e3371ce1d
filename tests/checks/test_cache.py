"""Books that balance, and books that do not."""

from __future__ import annotations

from harness.checks.cache import CHECK
from harness.verdicts import Verdict
from tests.histories import assert_verdict, finding_of, imports, parametrize_verdicts

GOOD = {
    "all new": (imports(3, inserted=3, expect=(3, 0, 0, 0)),),
    "the same again is skipped": (
        imports(2, inserted=2, expect=(2, 0, 0, 0), at=0),
        imports(2, skipped=2, expect=(0, 2, 0, 0), at=1, probe="reimport"),
    ),
    "newer wins, older does not": (imports(2, updated=1, skipped=1, expect=(0, 0, 1, 1)),),
    "a retry finds its own work done": (
        imports(2, at=0, call=1, outcome="timeout", expect=(2, 0, 0, 0)),
        imports(2, skipped=2, at=1, call=1, attempt=2, expect=(2, 0, 0, 0)),
    ),
    "the first answer is told again under its key": (
        imports(2, inserted=2, key="k", at=0, expect=(2, 0, 0, 0)),
        imports(2, inserted=2, key="k", at=1, expect=(0, 2, 0, 0), probe="same_key_same_body"),
    ),
    "a refused import counts nothing": (
        imports(1, at=0, outcome="rate_limited", expect=(1, 0, 0, 0)),
        imports(1, inserted=1, at=1, expect=(1, 0, 0, 0)),
    ),
}

BAD = {
    "the parts are not the whole": (imports(3, inserted=2, expect=(3, 0, 0, 0)),),
    "imported is not inserted + updated": (
        imports(2, inserted=1, skipped=1, imported=2, expect=(1, 1, 0, 0)),
    ),
    "imported again": (imports(2, inserted=2, expect=(0, 2, 0, 0)),),
    "an older one won": (imports(1, updated=1, expect=(0, 0, 0, 1)),),
    "the same was updated": (imports(1, updated=1, expect=(0, 1, 0, 0)),),
    "a newer one lost": (imports(1, skipped=1, expect=(0, 0, 1, 0)),),
    "a new one was skipped": (imports(1, skipped=1, expect=(1, 0, 0, 0)),),
    "less than nothing": (imports(1, inserted=2, skipped=-1, expect=(1, 0, 0, 0)),),
    "the sums of a misshapen answer": (
        imports(2, inserted=2, imported=3, outcome="invalid_response", status=200),
        imports(2, inserted=1, expect=(2, 0, 0, 0)),
    ),
}

UNKNOWN = {
    "no import was answered": (imports(1, outcome="timeout"),),
    "refused imports only": (imports(1, outcome="rate_limited"),),
    "no counts in the answer": (imports(1, outcome="invalid_response"),),
}


@parametrize_verdicts(GOOD, BAD, UNKNOWN)
def test_every_history_gets_its_verdict(verdict, rows):
    """A promise kept passes, a broken one fails with its witness, what tells nothing is unknown."""
    assert_verdict(CHECK, verdict, rows)


def test_a_target_used_before_may_have_our_entries():
    """What we think new may be skipped or updated there; what is old still may not win."""
    used = {"embedded": False}

    verdicts = [
        finding_of(CHECK, rows, **used).verdict
        for rows in (
            BAD["a new one was skipped"],
            (imports(1, updated=1, expect=(1, 0, 0, 0)),),
            BAD["a newer one lost"],
            BAD["an older one won"],
            BAD["imported again"],
        )
    ]

    assert [Verdict.PASS] * 3 + [Verdict.FAIL] * 2 == verdicts
