"""Several loads append to one trial directory; it is finalized once."""

from __future__ import annotations

import pytest

from harness.load.spec import TrialSpec
from harness.load.trial_writer import TrialWriter
from harness.plan.model import Plan
from harness.trial.appended import mark_measured, read_load
from harness.trial.batches import attempts_table, bucket_table
from harness.trial.finalize import finalize_trial
from harness.trial.schema import WorkerSummary
from harness.trial.store import open_trial
from tests.trials import NS, T0, attempt

STEPS = (("s01-", "01 find 10/s", 0), ("s02-", "02 find 20/s", 60))


def append(out, prefix, phase, at_s, *, interrupted=False):
    """One load of three calls, started ``at_s`` after `T0`."""
    load = {"phases": [{"name": phase, "duration": "5s", "rate": 1}]}
    first = 1 + at_s * 2**40
    spec = TrialSpec(
        "t", str(out), "sessions", "http://h", "http://h", {},
        load_prefix=prefix, first_call_id=first,
    )  # fmt: skip
    writer = TrialWriter(spec, Plan(seed=at_s, load=load), None)
    writer.start((T0 + at_s) * NS)
    rows = [
        attempt(worker=f"{prefix}local", phase=phase, call_id=first + n, at_s=at_s + n)
        for n in range(3)
    ]
    table = attempts_table(rows)
    writer.batch(f"{prefix}local", table, bucket_table(table))
    writer.end(WorkerSummary(f"{prefix}local", attempts=3, load_ended_ns=(T0 + at_s + 5) * NS))
    writer.finish(interrupted=interrupted)


def test_two_loads_make_one_complete_trial(tmp_path):
    """Each load can be read by itself before the trial is finalized."""
    for step in STEPS:
        append(tmp_path, *step)
        manifest, attempts = read_load(tmp_path, step[0], step[1])
        assert "running" == manifest.state
        assert [step[1]] == [phase.name for phase in manifest.phases]
        assert [f"{step[0]}local"] == [worker.worker for worker in manifest.workers]
        assert 5 * NS == manifest.ended_ns - manifest.started_ns
        assert 3 == len(attempts)
    mark_measured(tmp_path)
    manifest = finalize_trial(tmp_path)

    assert ("complete", "t", 0) == (manifest.state, manifest.trial_id, manifest.seed)
    assert [step[1] for step in STEPS] == [phase.name for phase in manifest.phases]
    assert (T0 * NS, (T0 + 65) * NS) == (manifest.started_ns, manifest.ended_ns)
    trial = open_trial(tmp_path)
    assert 6 == len(trial.attempts_table())
    assert 12 == sum(trial.intervals_table()["count"].to_pylist()), "service and response"
    assert 4 == len(trial.events({"phase"}))


@pytest.mark.parametrize("interrupted", [True, False])
def test_a_trial_cut_off_between_two_loads_is_interrupted(tmp_path, interrupted):
    """A load that was interrupted makes the trial so, even if loads follow and end."""
    append(tmp_path, *STEPS[0], interrupted=interrupted)
    append(tmp_path, *STEPS[1])
    if interrupted:
        mark_measured(tmp_path)

    assert "interrupted" == finalize_trial(tmp_path).state


def test_a_load_that_did_not_start_has_no_phase(tmp_path):
    """Its attempts are none either."""
    append(tmp_path, *STEPS[0])

    manifest, attempts = read_load(tmp_path, "s02-", STEPS[1][1])

    assert ([], [], 0) == (manifest.phases, manifest.workers, len(attempts))
