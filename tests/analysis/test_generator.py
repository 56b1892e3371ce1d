"""When the generator counts as saturated, and why."""

from __future__ import annotations

import pytest

from harness.analysis.generator import assess_generator
from harness.analysis.summary import summarize
from harness.trial.schema import WorkerSummary
from harness.trial.store import open_trial
from tests.trials import attempt, manifest, write_trial


def summary_of(path, rows, findings=(), **of_manifest):
    """The summary of a written trial."""
    return summarize(open_trial(write_trial(path / "t", rows, **of_manifest)), list(findings))


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
