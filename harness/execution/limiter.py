"""
The experiment of ``harness ratelimit``: the lab decides what the sending process sends.

Results are written even after an interrupt or if the server dies. The first Ctrl-C ends the
measurement and closes the open sessions; the second ends the command.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from harness.complaints import complain
from harness.errors import TargetError
from harness.execution.experiment import (
    ActiveTrial,
    Experiment,
    ProgressView,
    SilentView,
    TrialJob,
    build_lab_plan,
)
from harness.execution.limiter_samples import ExperimentLog, to_observation
from harness.execution.load_process import announce_stop
from harness.execution.target import refused_key
from harness.exit_codes import ExitCode
from harness.experiments.rate_limit.advice import AdviceCheck, evaluate_advice
from harness.experiments.rate_limit.designs import Experiment as Requests
from harness.experiments.rate_limit.figures_data import figures_data
from harness.experiments.rate_limit.lab import Budget, Lab, LabConfig
from harness.experiments.rate_limit.observations import Observation
from harness.experiments.rate_limit.report import verification_experiment
from harness.json_aliases import add_aliases
from harness.load.lab_protocol import SECOND_KEY_VARIABLE, LabRequest, LabSenderProcess
from harness.standin.config import StandinConfig
from harness.trial.store import write_json

EMBEDDED_CONFIG = StandinConfig(limiter="token-bucket", rate=50.0, burst=20)
RESULT_FILE = "rate_limit.json"
CHECK_SHARE = 0.2
"""Share of the attempts kept for the run that checks the advice."""
CHECK_ATTEMPTS_MAX = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class LimiterJob(TrialJob):
    """A limiter to measure."""

    lab_config: LabConfig
    standin: StandinConfig = EMBEDDED_CONFIG
    seed: int = 1


class LimiterBudget(NamedTuple):
    """What the lab will send, and the most attempts to check its advice."""

    budget: Budget
    check_attempts_max: int


class LimiterExperiment(Experiment):
    """Measure the limiter; shows the `LimiterBudget`, each experiment and its observations."""

    scenario = "ratelimit"
    sends_key = False  # the preflight must not use up the limit

    def __init__(self, job: LimiterJob, view: ProgressView | None = None) -> None:
        self.job: LimiterJob = job
        config = job.lab_config
        self.plan = build_lab_plan(
            "ratelimit",
            f"probes of the limiter of {config.operation}",
            job.seed,
            duration=f"{max(1, round(config.max_seconds))}s",
            rate=1,
        )
        self._check_attempts_max = min(CHECK_ATTEMPTS_MAX, round(CHECK_SHARE * config.max_attempts))
        self._lab = Lab(
            replace(config, max_attempts=config.max_attempts - self._check_attempts_max)
        )
        self._view = view or SilentView()
        self._check: AdviceCheck | None = None
        self._check_attempts = 0
        self._interrupted = self._refused = self._known = False
        self.document: dict[str, Any] = {}

    def run(self, trial: ActiveTrial) -> None:
        """Drive the lab to its end, then check its advice."""
        self._view.show(LimiterBudget(self._lab.budget(), self._check_attempts_max))
        environ = dict(os.environ)
        if trial.spec.embedded:
            environ.pop(SECOND_KEY_VARIABLE, None)
        trial.signals.stop = _interrupt
        with LabSenderProcess(trial.spec, trial.spec_path, environ) as sender:
            try:
                with ExperimentLog(trial.out) as log, self._view:
                    self._run_experiments(sender, log)
            except TargetError as error:
                if not self._lab.attempts:
                    self._refused = True
                    raise
                complain(trial.progress, str(error))
            except KeyboardInterrupt:
                self._interrupted = True
                announce_stop("")
                sender.interrupt()

    def _run_experiments(self, sender: LabSenderProcess, log: ExperimentLog) -> None:
        lab = self._lab
        while (experiment := lab.next()) is not None:
            lab.record(self._send(sender, experiment, log))
        check = verification_experiment(lab.result())
        if check is not None:
            limit = self._check_attempts_max + max(0, lab.attempts_left)
            check = Requests(check.name, check.why, check.requests[:limit])
            observations = self._send(sender, check, log)
            self._check, self._check_attempts = evaluate_advice(observations), len(observations)

    def _send(
        self, sender: LabSenderProcess, experiment: Requests, log: ExperimentLog
    ) -> list[Observation]:
        self._view.show(experiment)
        requests = [LabRequest(s.intended_ns, s.operation, s.key) for s in experiment.requests]
        results = sender.send(requests)
        if not self._lab.attempts:
            _check_first_results({result.outcome for result in results}, sender.spec.shown_host)
        observations = [
            to_observation(planned.intended_ns, planned.purpose, request, result)
            for planned, request, result in zip(
                experiment.requests, requests, results, strict=False
            )
        ]
        log.append(experiment, observations)
        self._view.show(observations)
        return observations

    def has_begun(self) -> bool:
        """Return whether there is a measurement to keep."""
        return super().has_begun() and not self._refused

    def write_result(self, left_open: int) -> None:  # noqa: ARG002  no figure of it
        """Write rate_limit.json."""
        report = self._lab.result()
        self._known = report.limited is False or (bool(report.limited) and report.fit is not None)
        self.document = document = report.to_json()
        document["attempts"] = len(report.observations) + self._check_attempts
        document["check_run"] = self._check._asdict() if self._check else None
        document["figures"] = figures_data(report)._asdict()
        write_json(self.job.out / RESULT_FILE, add_aliases("rate_limit", document))

    def exit_code(self, evaluated: ExitCode) -> ExitCode:
        """Return the lab's exit code, or that of a failed check."""
        if self._interrupted:
            return ExitCode.INTERRUPTED
        if evaluated is ExitCode.FAIL:
            return ExitCode.FAIL
        return ExitCode.PASS if self._known else ExitCode.UNKNOWN


def _interrupt(_count: int) -> None:
    raise KeyboardInterrupt


def _check_first_results(outcomes: set[str], host: str) -> None:
    """Check by the first results that an Opensteer API accepts the key."""
    if outcomes == {"auth_failed"}:
        raise refused_key(host)
    if outcomes == {"invalid_response"}:
        raise TargetError(
            f"{host} does not answer as the Opensteer API does; is this its base URL?"
        )
