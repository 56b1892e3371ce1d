"""
The trial of a limiter: the lab says what to send, the sending process sends it.

The directory is a trial like any other, with ``rate_limit.json`` beside. What is known
when the operator interrupts, or the server dies, is written all the same.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
from rich.console import Console

from harness.cli.limiter_view import ExperimentView, print_budget, print_limiter
from harness.cli.transport_options import DEFAULT_TRANSPORT, TransportOptions
from harness.cli.verdict import evaluate_measured
from harness.client.recorder import Recorder
from harness.complaints import complain
from harness.errors import HarnessError, TargetError
from harness.execution import target as targets
from harness.execution.limiter_samples import ExperimentLog, to_observation
from harness.execution.orphans import close_orphans
from harness.execution.trial_directory import (
    append_own_attempts,
    create_directory,
    discard_directory,
    has_started,
    link_latest,
)
from harness.exit_codes import ExitCode
from harness.experiments.rate_limit.advice import AdviceCheck, evaluate_advice
from harness.experiments.rate_limit.designs import Experiment
from harness.experiments.rate_limit.figures_data import figures_data
from harness.experiments.rate_limit.lab import Lab, LabConfig
from harness.experiments.rate_limit.observations import Observation
from harness.experiments.rate_limit.report import RateLimitReport, verification_experiment
from harness.json_aliases import add_aliases
from harness.load.lab_protocol import SECOND_KEY_VARIABLE, LabRequest, LabSenderProcess
from harness.load.spec import TrialSpec
from harness.plan.file import build_plan
from harness.plan.model import Plan
from harness.standin.config import StandinConfig
from harness.trial.parts import PREFLIGHT
from harness.trial.store import write_atomically, write_json

SPEC_FILE = "spec.json"
RESULT_FILE = "rate_limit.json"
EMBEDDED_CONFIG = StandinConfig(limiter="token-bucket", rate=50.0, burst=20)
CHECK_SHARE = 0.2
"""Share of the attempts kept for the run that shows the advice."""
CHECK_ATTEMPTS_MAX = 400


@dataclass(frozen=True, slots=True)
class LimiterJob:
    """
    A limiter to be measured.

    Attributes:
        host: The target's base URL; "" for the embedded stand-in.
        out: The trial directory; it does not exist yet, or is empty.
        lab_config: What the lab may do.
        standin: Settings of the embedded stand-in.
        transport_options: How the target is spoken to.
    """

    host: str
    out: Path
    trial_id: str
    lab_config: LabConfig
    seed: int = 1
    standin: StandinConfig = EMBEDDED_CONFIG
    transport_options: TransportOptions = DEFAULT_TRANSPORT


@dataclass(slots=True)
class _Measurement:
    """What the probing brought, however it ended."""

    report: RateLimitReport
    check: AdviceCheck | None = None
    check_attempts: int = 0
    interrupted: bool = False


def measure_limiter(job: LimiterJob, key: str, out: Console, progress: Console) -> ExitCode:
    """
    Measure, write the trial, say what was found.

    Raises:
        HarnessError: Nothing could be measured; nothing is left that looks like a trial.
        KeyboardInterrupt: A second one, while sessions were being closed: what was measured
            is kept, and with it the ledger of what may be open.
    """
    create_directory(job.out)
    try:
        with ExitStack() as stack:
            stack.enter_context(_sigterm_interrupts())
            spec = _prepare(job, stack)
            measurement = _measure(job, spec, progress)
            close_orphans(job.out, job.out / SPEC_FILE, key, progress, embedded=spec.embedded)
    except HarnessError:
        discard_directory(job.out)
        raise
    except KeyboardInterrupt:
        if not has_started(job.out):
            discard_directory(job.out)
            raise
        complain(progress, f"stopped; what was measured is kept: harness report {job.out}")
        raise
    (job.out / SPEC_FILE).unlink(missing_ok=True)
    document = _document(measurement)
    write_json(job.out / RESULT_FILE, document)
    link_latest(job.out)
    judged = evaluate_measured(job.out, out, progress)
    print_limiter(document, job.out / RESULT_FILE, out)
    return _exit(measurement, judged)


def _exit(measurement: _Measurement, judged: ExitCode) -> ExitCode:
    if measurement.interrupted:
        return ExitCode.INTERRUPTED
    if judged is ExitCode.FAIL:
        return ExitCode.FAIL
    limited, fit = measurement.report.limited, measurement.report.fit
    return ExitCode.UNKNOWN if limited is None or (limited and fit is None) else ExitCode.PASS


def _document(measurement: _Measurement) -> dict[str, Any]:
    report = measurement.report
    document = report.to_json()
    document["attempts"] = len(report.observations) + measurement.check_attempts
    document["check_run"] = measurement.check._asdict() if measurement.check else None
    document["figures"] = figures_data(report)._asdict()
    return add_aliases("rate_limit", document)


def _prepare(job: LimiterJob, stack: ExitStack) -> TrialSpec:
    """See the target alive, write the spec. Nothing that could use the limit up is sent."""
    host, embedded = job.host, False
    if not host:
        standin = stack.enter_context(targets.embedded(job.standin))
        host, embedded = standin.url, True
    spec = TrialSpec(
        trial_id=job.trial_id,
        out=str(job.out),
        scenario="ratelimit",
        host=host,
        shown_host=job.host or "stand-in",
        plan=_plan(job).model_dump(mode="json", by_alias=True),
        embedded=embedded,
        **job.transport_options.to_spec(),
    )
    recorder = Recorder()
    timeouts = _plan(job).timeouts
    try:
        targets.preflight(spec.target(timeouts, ""), recorder, key_matters=False)
    finally:
        append_own_attempts(job.out, PREFLIGHT, recorder)
    write_atomically(job.out / SPEC_FILE, msgspec.json.encode(spec))
    return spec


def _plan(job: LimiterJob) -> Plan:
    seconds = max(1, round(job.lab_config.max_seconds))
    document = {
        "name": "ratelimit",
        "description": f"probes of the limiter of {job.lab_config.operation}",
        "seed": job.seed,
        "load": {"phases": [{"name": "load", "duration": f"{seconds}s", "rate": 1}]},
        "retry": {"attempts": 1},
        "slo": {"must": []},
    }
    return build_plan(document, "the lab's plan")


def _measure(job: LimiterJob, spec: TrialSpec, progress: Console) -> _Measurement:
    """Drive the lab to its end, then run the check of its advice."""
    check_attempts_max = min(CHECK_ATTEMPTS_MAX, round(CHECK_SHARE * job.lab_config.max_attempts))
    lab = Lab(
        replace(job.lab_config, max_attempts=job.lab_config.max_attempts - check_attempts_max)
    )
    print_budget(
        lab.budget(), check_attempts_max, job.lab_config.operation, spec.shown_host, progress
    )
    environ = dict(os.environ)
    if spec.embedded:
        environ.pop(SECOND_KEY_VARIABLE, None)
    interrupted = False
    check: AdviceCheck | None = None
    observations: list[Observation] = []
    with LabSenderProcess(spec, job.out / SPEC_FILE, environ) as sender:
        try:
            with (
                ExperimentLog(job.out) as experiment_log,
                ExperimentView(progress, job.lab_config.max_attempts) as view,
            ):
                _run_experiments(lab, sender, experiment_log, view)
                experiment = verification_experiment(lab.result())
                if experiment is not None:
                    requests = experiment.requests[: check_attempts_max + max(0, lab.attempts_left)]
                    experiment = Experiment(experiment.name, experiment.why, requests)
                    observations = _send(sender, experiment, experiment_log, view)
                    check = evaluate_advice(observations)
        except TargetError as error:
            if not lab.attempts:
                raise
            complain(progress, str(error))
        except KeyboardInterrupt:
            interrupted = True
            sys.stderr.write("\nharness: stopping: closing sessions, then the report\n")
            sender.interrupt()
    return _Measurement(lab.result(), check, len(observations), interrupted)


def _run_experiments(
    lab: Lab, sender: LabSenderProcess, experiment_log: ExperimentLog, view: ExperimentView
) -> None:
    first = True
    while (experiment := lab.next()) is not None:
        observations = _send(sender, experiment, experiment_log, view, key_matters=first)
        first = False
        lab.record(observations)


def _send(
    sender: LabSenderProcess,
    experiment: Experiment,
    experiment_log: ExperimentLog,
    view: ExperimentView,
    *,
    key_matters: bool = False,
) -> list[Observation]:
    view.begin(experiment)
    actions = [LabRequest(s.intended_ns, s.operation, s.key) for s in experiment.requests]
    results = sender.send(actions)
    if key_matters:
        _check_first_results({answer.outcome for answer in results}, sender.spec.shown_host)
    observations = [
        to_observation(request.intended_ns, request.purpose, action, answer)
        for request, action, answer in zip(experiment.requests, actions, results, strict=False)
    ]
    experiment_log.append(experiment, observations)
    view.end(observations)
    return observations


def _check_first_results(outcomes: set[str], host: str) -> None:
    """See by the first answers that the key is taken, and by an API."""
    if outcomes == {"auth_failed"}:
        raise TargetError(
            f"{host} refuses the API key (401); check OPENSTEER_API_KEY and its scheme (--auth)"
        )
    if outcomes == {"invalid_response"}:
        raise TargetError(
            f"{host} does not answer as the Opensteer API does; is this its base URL?"
        )


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """SIGTERM ends the probing as Ctrl-C does."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
