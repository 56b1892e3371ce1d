"""What is left of a trial when something fails before, during or after its load."""

from __future__ import annotations

import io
import sys
from contextlib import nullcontext

import pytest
from rich.console import Console

from harness import assess
from harness.assess import evaluate
from harness.errors import StorageError, TargetError, UsageError
from harness.execution import lifecycle
from harness.execution.experiment import Experiment, TrialJob
from harness.execution.lifecycle import evaluate_measured, measure, run_trial
from harness.execution.load import LoadExperiment, LoadJob
from harness.execution.transport_options import TransportOptions
from harness.plan.file import build_plan
from harness.plan.model import Plan
from tests.trials import ladder, write_trial

KEPT = "measurements are kept: harness report "


class Failing(Experiment):
    """Fails before or after its load began; needs no target."""

    scenario = "failing"

    def __init__(self, out, error, *, begun):
        self.job = TrialJob(host="http://127.0.0.1:9", out=out, trial_id="t")
        self.plan = Plan()
        self.error, self.begun = error, begun

    def run(self, trial):
        if self.begun:
            write_trial(trial.out, ladder()[:10])
            (trial.out / "local.ledger").write_text("{}")
        raise self.error

    def exit_code(self, evaluated):
        return evaluated


@pytest.fixture(autouse=True)
def _no_preflight(monkeypatch):
    monkeypatch.setattr(lifecycle, "send_preflight", lambda *_given, **_options: None)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TargetError("it did not start"), TargetError),
        (OSError(28, "full"), StorageError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_a_failure_before_the_load_leaves_nothing(tmp_path, error, kind):
    """No directory is left that looks like a trial."""
    out, progress = tmp_path / "trial", Console(file=io.StringIO())
    with pytest.raises(kind) as caught:
        measure(Failing(out, error, begun=False), "k", progress)

    assert "kept" not in str(caught.value) + progress.file.getvalue()
    assert not out.exists()


@pytest.mark.parametrize(
    ("error", "kind"),
    [(TargetError("it did not come back"), TargetError), (OSError(28, "full"), StorageError)],
)
def test_a_failure_after_the_load_began_keeps_what_was_measured(tmp_path, error, kind):
    """The exit code reports the failure, the message where the rest is."""
    out = tmp_path / "trial"
    with pytest.raises(kind, match=f"{KEPT}{out}$"):
        measure(Failing(out, error, begun=True), "k", Console(file=io.StringIO()))

    assert (out / "attempts.parquet").is_file()
    assert not (out / "spec.json").exists()


def test_an_interrupt_during_the_cleanup_keeps_the_ledger_of_open_sessions(tmp_path):
    """The message says where the trial is."""
    out, progress = tmp_path / "trial", Console(file=io.StringIO(), width=40)
    with pytest.raises(KeyboardInterrupt):
        measure(Failing(out, KeyboardInterrupt(), begun=True), "k", progress)

    assert (out / "local.ledger").exists()
    assert f"harness: stopped; {KEPT}{out}\n" == progress.file.getvalue()


def test_ctrl_c_during_the_report_says_where_the_trial_is(tmp_path, monkeypatch):
    """It can be finished later."""
    progress = Console(file=io.StringIO(), width=40)

    def stopped(*_given, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(lifecycle, "measure", lambda *_: None)
    monkeypatch.setattr(evaluate, "evaluate_trial", stopped)
    experiment = Failing(tmp_path, None, begun=True)
    with pytest.raises(KeyboardInterrupt):
        run_trial(experiment, "k", progress, nullcontext)

    assert f"harness: stopped; {KEPT}{tmp_path}\n" == progress.file.getvalue()


def test_ctrl_c_while_the_evaluation_is_imported_says_it_as_well(tmp_path, monkeypatch):
    """The import takes a second."""
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
        evaluate_measured(tmp_path, progress, nullcontext)

    assert f"kept: harness report {tmp_path}\n" in progress.file.getvalue()


def test_a_directory_that_vanishes_during_a_trial_is_no_usage_error(tmp_path):
    """2 would say that nothing was sent."""
    out = write_trial(tmp_path / "trial", ladder()[:10])
    (out / "attempts.parquet").unlink()

    with pytest.raises(StorageError, match=r"attempts\.parquet.*did something remove it"):
        evaluate_measured(out, Console(file=io.StringIO()), nullcontext)


def test_faults_behind_a_proxy_are_refused_before_anything_starts(tmp_path):
    """Each must be the first hop."""
    job = LoadJob(
        scenario=tmp_path / "mixed.py",
        plan=build_plan({"faults": [{"kind": "latency"}]}, "plan"),
        host="",
        out=tmp_path / "trial",
        trial_id="t",
        transport_options=TransportOptions("httpx", proxy="http://127.0.0.1:9"),
    )
    with pytest.raises(UsageError, match="cannot be combined with --proxy"):
        measure(LoadExperiment(job), "k", Console(file=io.StringIO()))
    assert not job.out.exists()
