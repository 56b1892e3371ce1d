"""Answers that keep the contract, and answers that do not."""

from __future__ import annotations

from harness.checks.contract import CHECK
from tests.histories import (
    assert_verdict,
    attempt,
    create,
    finding_of,
    get_run,
    imports,
    parametrize_verdicts,
    queue,
)


def hasty(*outcomes):
    """Calls refused with Retry-After: 0, and how their retries ended."""
    rows = []
    for call, outcome in enumerate(outcomes, start=1):
        rows += [
            get_run("r", call=call, at=call, outcome="rate_limited", retry_after_s=0.0),
            get_run("r", call=call, at=call + 0.5, attempt=2, outcome=outcome),
        ]
    return tuple(rows)


GOOD = {
    "no wait, and most who came at once were let in": hasty(*["ok"] * 3, *["rate_limited"] * 3),
    "no wait, and too few to judge it": hasty(*["rate_limited"] * 4),
    "a success": (create("s"),),
    "a rate limit with its wait": (create("", outcome="rate_limited"),),
    "wrong key": (create("", outcome="auth_failed"),),
    "a mismatch with its code": (
        create("", outcome="client_error", status=409, code="CLOUD_CONTRACT_MISMATCH"),
    ),
    "a refusal that was cut off before its Retry-After": (
        create("s"),
        create("", outcome="connection_lost", status=429),
    ),
    "a key in use has no code": (queue("", key="k", outcome="client_error", status=409),),
    "a code that no document has": (
        get_run("r", outcome="client_error", code="CLOUD_NEW", violation="unknown code CLOUD_NEW"),
    ),
    "the sums of an import are another promise's": (
        imports(outcome="invalid_response", violation="imported 2 is not inserted 1 + updated 0"),
    ),
}

BAD = {
    "a body against the contract": (
        get_run("r", outcome="invalid_response", violation="the body is empty"),
    ),
    "401 without its code": (create("", outcome="auth_failed", code=""),),
    "401 with another code": (create("", outcome="auth_failed", code="CLOUD_INTERNAL_ERROR"),),
    "409 without a code": (create("", outcome="client_error", status=409),),
    "429 without Retry-After": (create("", outcome="rate_limited", retry_after_s=float("nan")),),
    "no wait, and most who came at once were refused": hasty("ok", *["rate_limited"] * 5),
    "429 with a wait below zero": (create("", outcome="rate_limited", retry_after_s=-1.0),),
    "a rate limit that says 503": (create("", outcome="rate_limited", status=503),),
    "a mismatch that says 400": (
        create("", outcome="client_error", status=400, code="CLOUD_CONTRACT_MISMATCH"),
    ),
    "a success with an error's code": (create("s", code="CLOUD_TIMEOUT"),),
}

UNKNOWN = {
    "no answer at all": (attempt("get_run", "r", outcome="timeout"),),
    "refused connections": (create("", outcome="connection_refused"),),
    "resets only": (create("", outcome="connection_lost"),),
}


@parametrize_verdicts(GOOD, BAD, UNKNOWN)
def test_every_history_gets_its_verdict(verdict, rows):
    """A promise kept passes, a broken one fails with its witness, what tells nothing is unknown."""
    assert_verdict(CHECK, verdict, rows)


def test_the_most_frequent_violation_is_told():
    """Two answers are empty, one is garbled: the detail names the first kind."""
    rows = [
        get_run("r", outcome="invalid_response", violation=text)
        for text in ("the body is empty", "the body is empty", "the body is no JSON")
    ]

    finding = finding_of(CHECK, rows)

    assert "3 responses against the contract, most often: the body is empty" == finding.detail
    assert 2 == len(finding.witness)
