"""
The experiment of ``harness capacity throughput``: each step is a load process, all make one trial.

A step ends when its calls have ended and its sessions are closed, so the next one meets a
drained queue. Its load process appends a phase to the trial.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from harness.analysis.generator import assess_generator
from harness.errors import StoppedEarlyError
from harness.execution.experiment import (
    ActiveTrial,
    Experiment,
    ProgressView,
    SilentView,
    TrialJob,
)
from harness.execution.lifecycle import send_preflight
from harness.execution.load import run_load_process, unstarted_error
from harness.execution.load_process import NOTHING_KEPT, locust_command
from harness.exit_codes import ExitCode
from harness.experiments.capacity.document import throughput_document
from harness.experiments.capacity.estimate import Spacing
from harness.experiments.capacity.eta import Eta
from harness.experiments.capacity.observe import observe_step
from harness.experiments.capacity.search import RateSearch
from harness.experiments.capacity.steps import Step, StepResult, read_criteria
from harness.plan.file import build_plan
from harness.plan.model import Plan
from harness.plan.slo import parse_slos
from harness.standin.config import StandinConfig
from harness.trial.appended import mark_measured, read_load
from harness.trial.store import write_atomically, write_json

EMBEDDED_CONFIG = StandinConfig(workers=4, service="20ms")
"""Serves 200 requests per second."""
RESULT_FILE = "capacity.json"
_CALL_IDS_PER_STEP = 1 << 48


@dataclass(frozen=True, slots=True, kw_only=True)
class ThroughputJob(TrialJob):
    """
    A rate to find; see `RateSearch`.

    Attributes:
        scenario: Its Locust file.
        slo: What must hold, in the grammar of `harness.plan.slo`.
        plan: Weights, timeouts and scenario settings. The search replaces its load, retries,
            probes, objectives and faults.
        users: Most calls in flight.
    """

    scenario: Path
    slo: str
    plan: Plan
    max_per_s: float = 1000.0
    start_per_s: float = 10.0
    users: int = 200
    patience: float = 1.0
    spacing: Spacing = "poisson"
    seed: int = 1
    standin: StandinConfig = EMBEDDED_CONFIG


class StepOutlook(NamedTuple):
    """The step that begins, and the estimate of the time to go."""

    step: Step
    eta: Eta


class ThroughputExperiment(Experiment):
    """Find the highest rate at which the objectives hold; shows a `StepOutlook` for each step."""

    has_sidecars = True

    def __init__(self, job: ThroughputJob, view: ProgressView | None = None) -> None:
        self.job: ThroughputJob = job
        self.scenario = job.scenario.stem
        self._slos = parse_slos(job.slo)
        self.search = RateSearch(
            read_criteria(self._slos),
            start_per_s=job.start_per_s,
            max_per_s=job.max_per_s,
            patience=job.patience,
            spacing=job.spacing,
        )
        self._view = view or SilentView()
        self._interrupted = False
        self._steps_measured = 0
        self.document: dict[str, Any] = {}
        step = self.search.next_step()
        assert step is not None
        self._begin(step)

    def _begin(self, step: Step) -> None:
        self._step = step
        self.plan = _plan(self.job, step)

    def spec_fields(self) -> dict[str, Any]:
        """Return the step's prefix of worker names and first call id."""
        number = self._step.number
        first_call_id = number * _CALL_IDS_PER_STEP + 1
        return {"load_prefix": f"s{number:02}-", "first_call_id": first_call_id}

    def run(self, trial: ActiveTrial) -> None:
        """Run steps until the search knows enough or the operator stops it."""
        try:
            self._run_steps(trial)
        except StoppedEarlyError:  # before a step's load: the earlier steps are kept
            if not self._steps_measured:
                raise
            self._interrupted = True
        if not self._interrupted:
            mark_measured(trial.out)

    def _run_steps(self, trial: ActiveTrial) -> None:
        with self._view as view:
            while True:
                view.show(StepOutlook(self._step, self.search.eta()))
                result = self._run_step(trial)
                self._interrupted = trial.signals.count > 0
                if self._interrupted:
                    return
                self.search.record(result)
                step = self.search.next_step()
                if step is None:
                    return
                self._begin(step)
                trial = self._next_trial(trial)

    def _next_trial(self, trial: ActiveTrial) -> ActiveTrial:
        """Check that the target still answers, and write the spec of the next step."""
        plan = self.plan.model_dump(mode="json", by_alias=True)
        spec = msgspec.structs.replace(trial.spec, plan=plan, **self.spec_fields())
        trial = replace(trial, spec=spec)
        send_preflight(trial, self.plan)
        if trial.signals.count:
            raise StoppedEarlyError(NOTHING_KEPT)
        write_atomically(trial.spec_path, msgspec.json.encode(spec))
        return trial

    def _run_step(self, trial: ActiveTrial) -> StepResult:
        command = locust_command(self.job.scenario, trial.spec.host, self.plan, 1, ())
        status = run_load_process(trial, command)
        trial.close_orphans()
        phase = self.plan.load.phases[0].name
        manifest, attempts = read_load(trial.out, trial.spec.load_prefix, phase)
        if not manifest.phases:
            raise unstarted_error(trial, status)
        self._steps_measured += 1
        frame = attempts.to_pandas()
        return observe_step(
            self._step,
            frame.loc[(frame["phase"] == phase).to_numpy()],
            self._slos,
            start_ns=manifest.phases[0].start_ns,
            saturated=assess_generator(manifest).saturated,
        )

    def has_begun(self) -> bool:
        """Return whether a step began its load."""
        return self._steps_measured > 0 and super().has_begun()

    def write_result(self, left_open: int) -> None:  # noqa: ARG002  not part of the document
        """Write capacity.json."""
        result = self.search.result()
        self.document = throughput_document(result, self.job.slo, interrupted=self._interrupted)
        write_json(self.job.out / RESULT_FILE, self.document)

    def exit_code(self, evaluated: ExitCode) -> ExitCode:  # noqa: ARG002  steps may fail their SLO
        """Return whether a rate was found."""
        if self._interrupted:
            return ExitCode.INTERRUPTED
        if self.document["max_rate_per_s"]["estimate"] is not None:
            return ExitCode.PASS
        return ExitCode.FAIL if self.document["bound"] == "doomed" else ExitCode.UNKNOWN


def _plan(job: ThroughputJob, step: Step) -> Plan:
    phase = {
        "name": f"{step.number:02} {step.purpose} {step.rate_per_s:.4g}/s",
        "duration": f"{round(step.duration_s * 1000)}ms",
        "rate": step.rate_per_s,
        "spacing": job.spacing,
    }
    document = job.plan.model_dump(mode="json", by_alias=True) | {
        "name": "capacity-throughput",
        "description": f"step {step.number}: {step.purpose} at {step.rate_per_s:.4g}/s",
        "seed": job.seed + step.number,
        "load": {"users": job.users, "phases": [phase]},
        "retry": {"attempts": 1},
        "probes": {"share": 0.0},
        "slo": {"must": []},
        "faults": [],
    }
    return build_plan(document, "the search's plan")
