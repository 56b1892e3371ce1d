"""Probes and preflight stand apart from the load, with numbers of their own."""

from __future__ import annotations

import pytest

from harness.analysis.counts import count_error_codes
from harness.analysis.probes import count_probes
from harness.analysis.retry_waits import retry_waits_by_second
from harness.analysis.summary import summarize
from harness.analysis.timeline import codes_by_second, outcomes_by_second
from harness.trial.store import open_trial
from tests.trials import T0, attempt, finding, rate_limited, write_trial

AGAIN = {"phase": "probe", "evidence": '{"probe":"same_key_same_body"}'}
OTHER = {
    "phase": "probe",
    "evidence": '{"probe":"same_key_other_body"}',
    "outcome": "conflict",
    "status": 409,
    "code": "CLOUD_IDEMPOTENCY_CONFLICT",
}


@pytest.fixture
def trial(tmp_path):
    """
    Of create_session two good calls and one refused, and three probes in four attempts.

    The load took 10 ms each, the good probe 500 ms; get_run was sent by a probe only.
    """
    rows = [attempt(call_id=n) for n in (1, 2)]
    rows += [rate_limited(call_id=3)]
    rows += [
        rate_limited(call_id=4, disposition="retried", phase="probe"),
        attempt(call_id=4, attempt=2, service_ms=500.0, **AGAIN),
        attempt(call_id=5, **OTHER),
        attempt(call_id=6, **OTHER),
        attempt(call_id=7, operation="get_run", phase="probe"),
    ]
    return open_trial(write_trial(tmp_path / "t", rows))


def test_probes_have_numbers_of_their_own(trial):
    """Amount, outcomes and latencies of the load and of the probes; together all there is."""
    row = summarize(trial, [])["operations"]["create_session"]

    assert {
        "attempts": 3,
        "attempts_per_s": 0.15,  # in the 20 s of load
        "outcomes": {"ok": 2, "rate_limited": 1},
    } == row["load"]
    assert (4, 0.2, {"conflict": 2, "ok": 1, "rate_limited": 1}) == tuple(
        row["probes"][name] for name in ("attempts", "attempts_per_s", "outcomes")
    )
    assert 7 == row["attempts"]
    assert {"ok": 3, "rate_limited": 2, "conflict": 2} == row["outcomes"]
    assert row["service_ms"]["max"] == pytest.approx(10, rel=2e-3)
    assert row["probes"]["service_ms"]["p50"] == pytest.approx(500, rel=2e-3)


def test_a_long_cleanup_makes_no_rate(tmp_path):
    """A cleanup of 1,000 attempts after 20 s of load was reported as 50 per second."""
    rows = [attempt(call_id=n) for n in (1, 2)]
    rows += [rate_limited(call_id=9, attempt=n, phase="cleanup", at_s=30.0) for n in range(1, 9)]
    summary = summarize(open_trial(write_trial(tmp_path / "t", rows)), [])
    row = summary["operations"]["create_session"]

    assert (10, 10) == (row["attempts"], summary["totals"]["attempts"])
    assert {0.1} == {load["attempts_per_s"] for load in (row["load"], summary["load"])}


def test_the_load_leaves_its_probes_out(trial):
    """Calls, attempts, retries and outcomes of all but the probes, beside the totals."""
    summary = summarize(trial, [])

    names = ("calls", "calls_ok", "attempts", "attempts_per_s", "ok", "retries")
    assert (3, 2, 3, 0.15, 2, 0) == tuple(summary["load"][name] for name in names)
    assert (7, 4, 8, 0.4, 4, 1) == tuple(summary["totals"][name] for name in names)
    assert {"ok": 2, "rate_limited": 1} == summary["load"]["outcomes"]
    assert 0 == summary["operations"]["get_run"]["load"]["attempts"]


def test_a_refused_probe_is_an_error_of_its_own_kind(trial):
    """In the table under a name of its own; over time it is none of the load's errors."""
    told = [
        (row.operation, row.code, row.count, row.share)
        for row in count_error_codes(trial.attempts_table()).itertuples()
    ]

    assert [
        ("probe: create_session", "CLOUD_IDEMPOTENCY_CONFLICT", 2, 0.5),
        ("create_session", "CLOUD_RATE_LIMITED", 1, 1 / 3),
        ("probe: create_session", "CLOUD_RATE_LIMITED", 1, 0.25),
    ] == told
    assert {"CLOUD_RATE_LIMITED": {T0: 1}} == codes_by_second(trial.attempts_table()).to_dict()


def test_over_time_probes_are_one_series(trial):
    """However they ended, and beside the load's outcomes: every attempt is in one column."""
    frame = outcomes_by_second(trial.intervals_table())

    assert {"ok": 2, "rate_limited": 1, "probe": 5} == frame.sum().to_dict()


def test_probes_are_counted_by_what_they_were_for(tmp_path):
    """Two probes of one kind, one that does not say, and load that is none."""
    probe = {"phase": "probe", "operation": "get_run"}
    rows = [
        attempt(call_id=1),
        attempt(call_id=2, **probe, evidence='{"probe":"final_again"}'),
        attempt(call_id=3, **probe, evidence='{"status":"failed","probe":"final_again"}'),
        attempt(call_id=4, **probe, evidence="{{", outcome="not_found"),
    ]
    counted = count_probes(open_trial(write_trial(tmp_path / "t", rows)))

    assert [
        ("get_run", "final_again", "ok", 2),
        ("get_run", "other", "not_found", 1),
    ] == [tuple(row) for row in counted.itertuples(index=False)]


BEFORE = [
    attempt(call_id=90, at_s=-6.0, phase="preflight", operation="health", status=200),
    rate_limited(call_id=91, at_s=-6.0, phase="preflight", operation="get_session",
            outcome="not_found", code="CLOUD_SESSION_NOT_FOUND", status=404),
]  # fmt: skip
"""What asks whether the target is there and takes the key: its 404 is a good answer."""


def test_the_preflight_is_no_error_of_the_load(tmp_path):
    """Neither a row of the tables nor a point of the series: they begin with the load."""
    trial = open_trial(write_trial(tmp_path / "t", [*BEFORE, attempt(call_id=1), rate_limited()]))
    log, intervals = trial.attempts_table(), trial.intervals_table()

    assert ["CLOUD_RATE_LIMITED"] == count_error_codes(log)["code"].tolist()
    assert {"CLOUD_RATE_LIMITED": {T0: 1}} == codes_by_second(log).to_dict()
    assert {"ok": {T0: 1}, "rate_limited": {T0: 1}} == outcomes_by_second(intervals).to_dict()
    waits = retry_waits_by_second(log)
    assert ([T0], [1]) == (waits.index.tolist(), waits["told"].tolist())


def test_the_preflight_is_counted_as_what_it_is(tmp_path):
    """The target served it, so totals hold it; the load does not, and nothing is lost."""
    trial = open_trial(write_trial(tmp_path / "t", [*BEFORE, attempt(call_id=1)]))
    summary = summarize(trial, [])

    assert {"health": {"ok": 1}, "get_session": {"not_found": 1}} == summary["preflight"]
    assert (3, 3, 2) == tuple(summary["totals"][n] for n in ("attempts", "calls", "calls_ok"))
    assert (1, 1, 1) == tuple(summary["load"][n] for n in ("attempts", "calls", "calls_ok"))
    assert 0 == summary["operations"]["get_session"]["load"]["attempts"]


def test_a_preflight_alone_is_no_observation(tmp_path):
    """Whatever the checks say of it: nothing was seen of the load."""
    trial = open_trial(write_trial(tmp_path / "t", BEFORE))

    assert "unknown" == summarize(trial, [finding()])["verdict"]
    assert 0 == len(retry_waits_by_second(trial.attempts_table()))
