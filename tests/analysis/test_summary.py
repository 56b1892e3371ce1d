"""summary.json counts what DESIGN promises, and judges no higher than it saw."""

from __future__ import annotations

import json

import pytest

from harness.analysis.generator import assess_generator
from harness.analysis.summary import overall_verdict, summarize
from harness.trial.schema import WorkerSummary
from harness.trial.store import open_trial
from harness.verdicts import Verdict
from tests.trials import NS, T0, attempt, finding, ladder, manifest, rate_limited, write_trial


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


@pytest.mark.parametrize(
    ("workers", "saturated"),
    [
        ([WorkerSummary("a", planned=1000, late_starts=900, late_by_generator=10)], False),
        ([WorkerSummary("a", planned=1000, late_by_generator=11)], True),
        ([WorkerSummary("a", planned=1000, saturated_s=2)], True),  # of 20 s of load
        ([WorkerSummary("a", planned=9), WorkerSummary("b", planned=1, saturated_s=20)], True),
        ([WorkerSummary("a", planned=1000, saturated_s=1)], False),
        ([WorkerSummary("a", planned=39, late_by_generator=2)], False),
        ([WorkerSummary("a", planned=39, late_by_generator=3)], True),
        ([WorkerSummary("a", planned=299, late_by_generator=3)], True),
        ([WorkerSummary("a", planned=300, late_by_generator=3)], False),
        ([WorkerSummary(name, planned=39, late_by_generator=1) for name in "ab"], False),
        ([WorkerSummary(name, planned=39, late_by_generator=1) for name in "abcd"], True),
        ([WorkerSummary(name, planned=200, late_by_generator=2) for name in "abcd"], False),
        ([], False),
    ],
)
def test_a_generator_at_its_limit_is_said_to_be(workers, saturated):
    """
    A tenth of the seconds at the limit, or over 1 % begun late by itself, no sooner.

    Below three late starts nothing is said of one worker; small ones are added up.
    """
    health = assess_generator(manifest(workers=workers))

    assert saturated == health.saturated
    assert saturated == bool(health.reason)


def test_many_workers_at_their_limit_are_two_and_others():
    """The reason stays a sentence."""
    workers = [WorkerSummary(name, planned=1, saturated_s=20) for name in "abcd"]

    told = "worker {} was at its limit in 20 of 20 seconds of load"
    assert (
        f"{told.format('a')}; {told.format('b')}; 2 other workers likewise"
        == assess_generator(manifest(workers=workers)).reason
    )


def test_the_worst_worker_speaks_for_the_generator(tmp_path):
    """CPU and lag are maxima, late starts a sum."""
    workers = [
        WorkerSummary("a", planned=900, cpu_max_fraction=0.5, loop_lag_p99_ms=9.0, late_starts=1),
        WorkerSummary("b", planned=900, cpu_max_fraction=0.7, loop_lag_p99_ms=3.0, late_starts=2),
    ]
    summary = summary_of(tmp_path, [attempt()], workers=workers)

    assert (0.7, 9.0, False, 3) == (
        summary["generator"]["cpu_max_fraction"],
        summary["generator"]["loop_lag_p99_ms"],
        summary["generator"]["saturated"],
        summary["totals"]["late_starts"],
    )
