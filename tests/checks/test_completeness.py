"""Whether the record is whole: it is told only when it is not."""

from __future__ import annotations

from harness.checks.completeness import check_completeness
from harness.trial.schema import WorkerSummary
from harness.verdicts import Verdict
from tests.trials import manifest


def test_a_whole_record_goes_without_saying() -> None:
    """No finding."""
    assert [] == check_completeness(manifest())


def test_lost_workers_and_dropped_attempts_are_one_finding() -> None:
    """It names every lost worker."""
    workers = [WorkerSummary("w0", dropped=7), WorkerSummary("w1", state="lost")]

    (finding,) = check_completeness(manifest(workers=workers, state="interrupted"))

    assert Verdict.UNKNOWN == finding.verdict
    assert (
        "w1 ended unexpectedly: the last batches are missing; "
        "7 attempts were dropped because the recorder's buffer was full"
    ) == finding.detail


def test_dropped_attempts_alone_are_enough() -> None:
    """Every worker ended well, but the record is incomplete."""
    workers = [WorkerSummary("w0", dropped=1), WorkerSummary("w1", dropped=2)]

    (finding,) = check_completeness(manifest(workers=workers))

    assert finding.detail == "3 attempts were dropped because the recorder's buffer was full"


def test_a_load_that_never_began_is_unknown() -> None:
    """Such as a master without workers."""
    (finding,) = check_completeness(manifest(workers=[], phases=[], state="interrupted"))

    assert (Verdict.UNKNOWN, "the trial was stopped before its load began") == (
        finding.verdict,
        finding.detail,
    )
