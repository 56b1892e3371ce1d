"""What is left of a trial when something fails around its load."""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import pytest
from rich.console import Console

from harness import assess
from harness.analysis.summary import summarize
from harness.assess import evaluate
from harness.cli.transport_options import TransportOptions
from harness.cli.verdict import evaluate_measured
from harness.errors import StorageError, TargetError, UsageError
from harness.execution import load
from harness.execution.load import LoadJob, LoadResult, measure, run_trial
from harness.plan.file import build_plan
from harness.plan.model import Plan
from harness.trial.store import open_trial
from tests.trials import attempt, finding, ladder, write_trial


@pytest.fixture
def job(tmp_path):
    """A trial against the embedded stand-in, that nothing of is made yet."""
    return LoadJob(tmp_path / "mixed.py", Plan(), "", tmp_path / "trial", "t")


def failing(error, *, begun):
    """A load that fails, before or after it began."""

    def load(job, *_rest):
        (job.out / "spec.json").write_text("{}")
        if begun:
            write_trial(job.out, ladder()[:10])
        raise error

    return load


@pytest.mark.parametrize(
    ("error", "kind"),
    [(TargetError("it did not start"), TargetError), (OSError(28, "full"), StorageError)],
)
def test_a_failure_before_the_load_leaves_nothing(job, monkeypatch, error, kind):
    """Nothing is there that looks like a trial."""
    monkeypatch.setattr(load, "_load", failing(error, begun=False))

    with pytest.raises(kind) as caught:
        measure(job, "k", Console(file=io.StringIO()))
    assert "kept" not in str(caught.value)
    assert not job.out.exists()


@pytest.mark.parametrize(
    ("error", "kind"),
    [(TargetError("it did not come back"), TargetError), (OSError(28, "full"), StorageError)],
)
def test_a_failure_after_the_load_began_keeps_what_was_measured(job, monkeypatch, error, kind):
    """The exit code tells of the failure, the message where the rest is."""
    monkeypatch.setattr(load, "_load", failing(error, begun=True))

    with pytest.raises(kind, match=f"kept: harness report {job.out}$"):
        measure(job, "k", Console(file=io.StringIO()))
    assert (job.out / "attempts.parquet").is_file()
    assert not (job.out / "spec.json").exists()


def test_ctrl_c_during_the_report_says_where_the_trial_is(job, monkeypatch):
    """It can be finished later."""
    progress = Console(file=io.StringIO(), width=40)

    def stopped(*_given, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(load, "measure", lambda *_: LoadResult(interrupted=False))
    monkeypatch.setattr(evaluate, "evaluate_trial", stopped)
    with pytest.raises(KeyboardInterrupt):
        run_trial(job, progress, progress)

    told = f"harness: stopped; what was measured is kept: harness report {job.out}\n"
    assert told == progress.file.getvalue()


def test_ctrl_c_while_the_judging_is_imported_says_it_as_well(tmp_path, monkeypatch):
    """That takes a second, in which a Ctrl-C went by in silence."""
    progress = Console(file=io.StringIO(), width=200)

    class Stopping:
        @staticmethod
        def find_spec(name: str, *_given: object) -> None:
            if name == evaluate.__name__:
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, evaluate.__name__)
    monkeypatch.delattr(assess, "evaluate")
    monkeypatch.setattr(sys, "meta_path", [Stopping, *sys.meta_path])
    with pytest.raises(KeyboardInterrupt):
        evaluate_measured(tmp_path, progress, progress)

    assert f"kept: harness report {tmp_path}\n" in progress.file.getvalue()


def test_a_directory_that_vanishes_amidst_a_trial_is_no_slip_of_the_operator(tmp_path):
    """2 would say that nothing was sent."""
    out = write_trial(tmp_path / "trial", ladder()[:10])
    (out / "attempts.parquet").unlink()
    silent = Console(file=io.StringIO())

    with pytest.raises(StorageError, match=r"attempts\.parquet.*did something remove it"):
        evaluate_measured(out, silent, silent)


@pytest.mark.parametrize(("attempts", "told"), [(0, 1), (10, 0)])
def test_a_trial_without_a_load_says_why_it_is_unknown(tmp_path, attempts, told):
    """Its checks pass on the preflight, and the verdict is another."""
    rows = ladder()[:attempts] or [attempt(phase="preflight", at_s=-6.0)]
    trial = open_trial(write_trial(tmp_path / "trial", rows))
    out = Console(file=io.StringIO(), width=200)
    evaluate.print_summary(summarize(trial, [finding()]), out)

    assert told == out.file.getvalue().count("no attempt was made since the load began")


def test_faults_behind_a_proxy_are_refused_before_anything_starts(job):
    """Both would stand between harness and target, and each wants to be the first."""
    faulty = replace(
        job,
        plan=build_plan({"faults": [{"kind": "latency"}]}, "plan"),
        transport_options=TransportOptions("httpx", proxy="http://127.0.0.1:9"),
    )
    with pytest.raises(UsageError, match="faults go with no --proxy"):
        measure(faulty, "k", Console(file=io.StringIO()))
    assert not job.out.exists()
