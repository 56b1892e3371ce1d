"""summary.json counts what DESIGN promises, and judges no higher than it saw."""

from __future__ import annotations

import json

import pytest

from harness.analysis.summary import overall_verdict, summarize
from harness.trial.schema import WorkerSummary
from harness.trial.store import open_trial
from harness.verdicts import Verdict
from tests.trials import NS, T0, attempt, finding, ladder, rate_limited, write_trial


def summary_of(path, rows, findings=(), **of_manifest):
    """The summary of a written trial."""
    return summarize(open_trial(write_trial(path / "t", rows, **of_manifest)), list(findings))


def test_the_promised_keys_are_there(tmp_path):
    """Every key of the promise, also when nothing was observed."""
    for number, rows in enumerate(([], ladder())):
        summary = summary_of(tmp_path / str(number), rows, [finding()])

        assert {
            *("schema", "trial_id", "scenario", "model", "verdict", "duration_s", "totals"),
            *("outcomes", "operations", "findings", "generator"),
        } <= summary.keys()
        assert {
            *("calls", "attempts", "attempts_per_s", "ok", "retries"),
            *("late_starts", "unstarted_arrivals"),
        } <= summary["totals"].keys()
        assert {"ok", "rate_limited", "capacity_full", "timeout"} <= summary["outcomes"].keys()
        assert {"cpu_max_fraction", "loop_lag_p99_ms", "saturated"} <= summary["generator"].keys()
        assert summary["findings"][0].keys() == {
            *("name", "kind", "verdict", "detail", "evidence", "witness")
        }
        json.dumps(summary, allow_nan=False)


def test_every_attempt_of_every_phase_is_counted(tmp_path):
    """Two calls with three attempts, a probe and a cleanup: five attempts, four calls."""
    rows = [
        rate_limited(call_id=1, disposition="retried"),
        attempt(call_id=1, attempt=2),
        attempt(call_id=2, outcome="timeout", status=0, service_ms=900.0),
        attempt(call_id=3, operation="get_session", phase="probe"),
        attempt(call_id=4, operation="delete_session", phase="cleanup"),
    ]
    summary = summary_of(tmp_path, rows, workers=[WorkerSummary("local", sweep_failed=2)])

    totals = summary["totals"]
    assert (4, 3, 5, 3, 1) == tuple(
        totals[k] for k in ("calls", "calls_ok", "attempts", "ok", "retries")
    )
    assert 0.25 == totals["attempts_per_s"]  # five in the 20 s of load
    assert {"ok": 3, "rate_limited": 1, "capacity_full": 0, "timeout": 1} == summary["outcomes"]
    assert ["create_session", "delete_session", "get_session"] == list(summary["operations"])
    created = summary["operations"]["create_session"]
    assert (3, {"ok": 1, "rate_limited": 1, "timeout": 1}) == (
        created["attempts"],
        created["outcomes"],
    )
    assert 10.0 <= created["service_ms"]["max"] <= 10.01
    assert {None} == set(summary["operations"]["get_session"]["service_ms"].values())
    assert {"attempts": 1, "ok": 1, "left_open": 2} == summary["cleanup"]


def test_a_load_that_was_cut_off_has_the_phases_that_it_came_to(tmp_path):
    """4 of 5 seconds of the warm-up, and nothing of the other."""
    rows = [attempt(call_id=n, phase="warm-up", at_s=-4.0) for n in range(100)]
    phases = summary_of(tmp_path, rows, ended_ns=(T0 - 1) * NS)["phases"]

    assert [(4.0, 25.0), (0.0, 0.0)] == [(p["duration_s"], p["attempts_per_s"]) for p in phases]


def test_phases_have_their_own_counts(tmp_path):
    """100 attempts in a 5 s warm-up are 20 a second there and none in the other."""
    rows = [attempt(call_id=n, phase="warm-up", at_s=-4.0) for n in range(100)]
    phases = summary_of(tmp_path, rows)["phases"]

    assert [
        ("warm-up", False, 0.0, 5.0, 100, 20.0),
        ("steady", True, 5.0, 15.0, 0, 0.0),
    ] == [
        tuple(
            p[k]
            for k in ("name", "measured", "start_s", "duration_s", "attempts", "attempts_per_s")
        )
        for p in phases
    ]


@pytest.mark.parametrize(
    ("verdicts", "attempts", "expected"),
    [
        (["pass", "pass"], 1, "pass"),
        (["pass", "unknown"], 1, "unknown"),
        (["unknown", "fail", "pass"], 1, "fail"),
        ([], 1, "unknown"),
        (["pass"], 0, "unknown"),
        (["fail"], 0, "fail"),
    ],
)
def test_the_heaviest_verdict_counts_and_nothing_seen_is_unknown(verdicts, attempts, expected):
    """Fail outweighs unknown outweighs pass; without an attempt nothing passes."""
    assert Verdict(expected) == overall_verdict([finding(v) for v in verdicts], attempts)
