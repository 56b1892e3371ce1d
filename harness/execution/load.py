"""The experiment of ``harness run``: one load process, with faults, webhooks and exporters."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, StoppedEarlyError, UsageError
from harness.execution.experiment import ActiveTrial, Experiment, TrialJob
from harness.execution.load_process import (
    NOTHING_KEPT,
    SignalHandler,
    load_error,
    locust_command,
    run_load,
)
from harness.execution.orphans import LOG_FILE
from harness.execution.sidecars import has_network_faults
from harness.execution.trial_directory import has_started
from harness.exit_codes import ExitCode
from harness.load.progress import LiveMetrics
from harness.plan.model import Plan
from harness.standin.launch import Standin
from harness.telemetry.exporters import NO_EXPORTERS, Exporters
from harness.telemetry.latest_metrics import TrialInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadJob(TrialJob):
    """
    A load to make.

    Attributes:
        scenario: Its Locust file.
        plan: With overrides applied.
        plan_file: The plan's file, for line numbers in errors.
    """

    scenario: Path
    plan: Plan
    processes: int = 1
    locust_options: tuple[str, ...] = ()
    exporters: Exporters = NO_EXPORTERS
    plan_file: Path | None = None


class LoadExperiment(Experiment):
    """Run a plan once."""

    has_sidecars = True

    def __init__(self, job: LoadJob) -> None:
        self.job: LoadJob = job
        self.scenario = job.scenario.stem
        self.plan = job.plan
        self._signals = SignalHandler()

    def start_target(self, stack: ExitStack) -> Standin | None:
        """Start the embedded stand-in; None for another target. Raises UsageError."""
        if self.job.transport_options.proxy and has_network_faults(self.plan):
            raise UsageError("network faults cannot be combined with --proxy; leave one out")
        return super().start_target(stack)

    def spec_fields(self) -> dict[str, Any]:
        """Return what the load process must know of exporters and the plan's file."""
        return {"watched": bool(self.job.exporters), "plan_file": str(self.job.plan_file or "")}

    def run(self, trial: ActiveTrial) -> None:
        """Run the load process."""
        self._signals = trial.signals
        trial_info = TrialInfo(trial.spec.trial_id, self.scenario, self.plan.name)
        with self.job.exporters.running(trial_info, trial.progress) as latest:
            job = self.job
            command = locust_command(
                job.scenario, trial.spec.host, self.plan, job.processes, job.locust_options
            )
            run_load_process(trial, command, latest.update)

    def exit_code(self, evaluated: ExitCode) -> ExitCode:
        """Return the verdict's, unless the operator ended the load."""
        return ExitCode.INTERRUPTED if self._signals.count else evaluated


def run_load_process(
    trial: ActiveTrial, command: list[str], on_live: Callable[[LiveMetrics], object] = str
) -> int:
    """
    Run the load process of a trial, whose spec is written; see `run_load`.

    Raises:
        HarnessError: There is no trial; see `unstarted_error`.
    """
    status = run_load(
        command,
        trial.spec_path,
        trial.out / LOG_FILE,
        trial.signals,
        trial.progress,
        trial.sidecars.begin,
        on_live,
    )
    if not has_started(trial.out):
        raise unstarted_error(trial, status)
    return status


def unstarted_error(trial: ActiveTrial, status: int) -> HarnessError:
    """Why a load process ended before its load began."""
    if trial.signals.count:
        return StoppedEarlyError(NOTHING_KEPT)
    return load_error(trial.out / LOG_FILE, status)
