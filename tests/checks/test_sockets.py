"""Probes of sockets: refused, let in, and unanswered."""

from __future__ import annotations

import pytest

from harness.checks.sockets import CHECK
from harness.verdicts import Verdict
from tests.histories import attempt, finding_of
from tests.histories import socket_probe as probe


def test_refused_probes_pass():
    """401, 404 and 410 are refusals; a plain connect is no probe."""
    rows = [
        probe("wrong_token"),
        probe("closed_session", status=410, outcome="session_closed"),
        attempt("action.connect", "s1", status=101),
    ]
    finding = finding_of(CHECK, rows)
    assert Verdict.PASS is finding.verdict
    assert "2 probes, each refused (closed session, wrong token)" == finding.detail


def test_a_socket_that_opens_to_a_probe_fails():
    """One is enough, and the witness is it."""
    finding = finding_of(
        CHECK, [probe("wrong_token"), probe("other_session", status=101, outcome="ok")]
    )
    assert Verdict.FAIL is finding.verdict
    assert "1 socket opened to a probe: other session" in finding.detail
    assert 1 == len(finding.witness)


@pytest.mark.parametrize(
    "probes",
    [
        {"wrong_token": (401, "auth_failed")},
        {"other_session": (404, "not_found")},
        {"closed_session": (410, "session_closed")},
        {"no_token": (401, "auth_failed"), "expired_token": (0, "timeout")},
        {"other_socket": (403, "client_error"), "no_token": (500, "server_error")},
    ],
)
def test_refusals_pass_beside_what_says_nothing(probes):
    """Any refusal is one; a lost answer or an error of the server neither helps nor harms."""
    rows = [probe(kind, status=s, outcome=outcome) for kind, (s, outcome) in probes.items()]

    assert Verdict.PASS is finding_of(CHECK, rows).verdict


@pytest.mark.parametrize(
    "kind",
    ["wrong_token", "no_token", "other_socket", "other_session", "expired_token"],
)
def test_each_kind_of_probe_that_opens_fails(kind):
    """Whatever it was that should not have opened, alone or after refusals of its kind."""
    opened = probe(kind, status=101, outcome="ok", at=2)

    assert Verdict.FAIL is finding_of(CHECK, [opened]).verdict
    assert Verdict.FAIL is finding_of(CHECK, [probe(kind), opened]).verdict


@pytest.mark.parametrize(
    "rows",
    [
        [attempt("action.connect", "s1", status=101)],
        [probe("wrong_token", status=0, outcome="timeout")],
        [probe("wrong_token", status=500, outcome="server_error")],
    ],
)
def test_no_refusal_is_unknown(rows):
    """Nothing tried, nothing answered, or not looked at."""
    assert Verdict.UNKNOWN is finding_of(CHECK, rows).verdict
