"""
The lifecycle of every kind of trial: from an empty directory to a verdict.

An `Experiment` supplies the plan, the load, the document to write and the exit code. The
lifecycle does the rest: directory, target, sidecars, preflight, spec, signals, orphaned
sessions, the link ``latest``, evaluation.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console

from harness.client.recorder import Recorder
from harness.complaints import complain
from harness.errors import HarnessError, StorageError, TrialError
from harness.execution import target as targets
from harness.execution.experiment import ActiveTrial, Experiment
from harness.execution.load_process import SignalHandler
from harness.execution.orphans import SPEC_FILE, close_orphans, remove_leftovers
from harness.execution.sidecars import Sidecars, start_sidecars
from harness.execution.trial_directory import (
    append_own_attempts,
    create_directory,
    discard_directory,
    link_latest,
)
from harness.exit_codes import ExitCode
from harness.load.spec import TrialSpec
from harness.plan.model import Plan
from harness.trial.parts import EVENTS_SUFFIX, PARTS, PREFLIGHT, shared_lock
from harness.trial.store import write_atomically, write_error

if TYPE_CHECKING:
    from harness.assess.evaluate import Evaluation


def build_spec(
    experiment: Experiment, host: str, *, via: str = "", webhook_url: str = "", embedded: bool
) -> TrialSpec:
    """Build the spec of a load against this host."""
    job = experiment.job
    return TrialSpec(
        trial_id=job.trial_id,
        out=str(job.out),
        scenario=experiment.scenario,
        host=host,
        via=via,
        webhook_url=webhook_url,
        shown_host=job.host or "stand-in",
        plan=experiment.plan.model_dump(mode="json", by_alias=True),
        embedded=embedded,
        **job.transport_options.to_spec(),
        **experiment.spec_fields(),
    )


@dataclass(frozen=True, slots=True)
class TrialResult:
    """How a trial ended."""

    evaluation: Evaluation
    exit_code: ExitCode


_KEPT = "measurements are kept: harness report"
Status = Callable[[str], AbstractContextManager[None]]
"""Shows the current stage while its context lasts."""


def run_trial(experiment: Experiment, key: str, progress: Console, status: Status) -> TrialResult:
    """Measure a trial and evaluate it; raises as `measure` and `evaluate_measured` do."""
    measure(experiment, key, progress)
    evaluation = evaluate_measured(experiment.job.out, progress, status)
    return TrialResult(evaluation, experiment.exit_code(evaluation.exit_code))


def measure(experiment: Experiment, key: str, progress: Console) -> None:
    """
    Run an experiment and leave its parts, manifest and result in the trial directory.

    Raises:
        HarnessError: It failed. The directory is removed, unless the message says that
            measurements were kept.
        KeyboardInterrupt: A second interrupt; measurements and ledgers are kept.
    """
    out = experiment.job.out
    create_directory(out)
    signals = SignalHandler()
    try:
        with signals.installed(), ExitStack() as stack:
            stack.enter_context(shared_lock(out))
            trial = _prepare(experiment, key, progress, signals, stack)
            experiment.run(trial)
            trial.sidecars.end()
            left_open = trial.close_orphans()
            remove_leftovers(out)
            trial.sidecars.save_ground_truth(out)
    except BaseException as error:
        shown = _settle_failure(error, experiment, key, progress)
        if shown is error:
            raise
        raise shown from error
    experiment.write_result(left_open)
    link_latest(out)


def _settle_failure(
    error: BaseException, experiment: Experiment, key: str, progress: Console
) -> BaseException:
    """Discard or keep the directory of a failed trial; return the error to raise."""
    out = experiment.job.out
    begun = experiment.has_begun()
    shown = write_error(out, error) if isinstance(error, OSError) else error
    if not begun:
        discard_directory(out)
        return shown
    kept = f"{_KEPT} {out}"
    if isinstance(error, KeyboardInterrupt):
        complain(progress, f"stopped; {kept}")
    if not isinstance(shown, HarnessError):
        return shown
    if experiment.job.host:  # the sessions of an embedded stand-in end with it
        close_orphans(out, out / SPEC_FILE, key, progress, embedded=False)
    (out / SPEC_FILE).unlink(missing_ok=True)
    kind = StorageError if isinstance(error, OSError) else type(shown)
    return kind(f"{shown}; {kept}")


def _prepare(
    experiment: Experiment, key: str, progress: Console, signals: SignalHandler, stack: ExitStack
) -> ActiveTrial:
    """Start what the trial needs, send the preflight, write the spec."""
    job, plan = experiment.job, experiment.plan
    standin = experiment.start_target(stack)
    host = job.host if standin is None else standin.url
    sidecars = Sidecars("", job.out / PARTS / f"around{EVENTS_SUFFIX}")
    if experiment.has_sidecars:
        sidecars = start_sidecars(plan, host, job.trial_id, job.out, stack, standin)
    spec = build_spec(
        experiment,
        host,
        via=sidecars.via,
        webhook_url=sidecars.webhook_url,
        embedded=standin is not None,
    )
    trial = ActiveTrial(spec, key, progress, signals, sidecars)
    send_preflight(trial, plan, sends_key=experiment.sends_key)
    write_atomically(trial.spec_path, msgspec.json.encode(spec))
    return trial


def send_preflight(trial: ActiveTrial, plan: Plan, *, sends_key: bool = True) -> None:
    """Check the target and record the attempts that it took; raises TargetError."""
    recorder = Recorder()
    target = trial.spec.target(plan.timeouts, trial.key if sends_key else "", direct=True)
    try:
        targets.preflight(
            target,
            recorder,
            key_matters=sends_key and not trial.spec.embedded,
            first_call_id=trial.spec.first_call_id,
        )
    finally:
        append_own_attempts(trial.out, PREFLIGHT, recorder)


def evaluate_measured(path: Path, progress: Console, status: Status) -> Evaluation:
    """
    Evaluate a trial that was just measured.

    Raises:
        StorageError: A file of the trial is missing or damaged.
        KeyboardInterrupt: Interrupted, after printing where the trial is.
    """
    try:
        # Importing pandas and scipy takes a second, during which Ctrl-C works.
        from harness.assess.evaluate import evaluate_trial  # noqa: PLC0415

        return evaluate_trial(path, status)
    except TrialError as error:  # not an error of the operator
        raise StorageError(f"{error}; did something remove it during the trial?") from error
    except KeyboardInterrupt:
        complain(progress, f"stopped; {_KEPT} {path}")
        raise
