"""
The trial of a load: from a job to a directory, whatever happens on the way.

What the load needs is started around it and ended after it; what was measured is kept, and
what was opened is closed, by whom it may.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console

from harness.cli.transport_options import DEFAULT_TRANSPORT, TransportOptions
from harness.cli.verdict import evaluate_measured
from harness.client.recorder import Recorder
from harness.errors import HarnessError, StoppedEarlyError, StorageError, UsageError
from harness.execution import target as targets
from harness.execution.load_process import NOTHING_KEPT, SignalHandler, locust_command, run_load
from harness.execution.orphans import LOG_FILE, SPEC_FILE, close_orphans, finish_load
from harness.execution.sidecars import (
    Sidecars,
    has_network_faults,
    start_sidecars,
    start_target,
)
from harness.execution.trial_directory import (
    append_own_attempts,
    create_directory,
    discard_directory,
    has_started,
    link_latest,
)
from harness.exit_codes import ExitCode
from harness.load.spec import TrialSpec, read_key
from harness.plan.model import Plan
from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from harness.telemetry.exporters import NO_EXPORTERS, Exporters, TrialInfo
from harness.trial.parts import PREFLIGHT, shared_lock
from harness.trial.store import write_atomically, write_error


@dataclass(frozen=True, slots=True)
class LoadJob:
    """
    A trial to be made.

    Attributes:
        scenario: Its Locust file.
        plan: Its plan, overrides applied.
        host: The target's base URL; "" for the embedded stand-in.
        out: Its directory; it does not exist yet, or is empty.
        processes: Load processes.
        transport_options: How the target is spoken to.
        locust_options: Handed on to Locust as they are.
        standin: Settings of the embedded stand-in.
        github: Say failures and doubts as GitHub annotations, too.
        running: An embedded stand-in that runs already, for several trials in a row.
        exporters: Who sees its live figures.
        plan_file: Where the plan was read, to point at its lines.
    """

    scenario: Path
    plan: Plan
    host: str
    out: Path
    trial_id: str
    processes: int = 1
    transport_options: TransportOptions = DEFAULT_TRANSPORT
    locust_options: tuple[str, ...] = ()
    standin: StandinConfig | None = None
    github: bool = False
    running: Standin | None = None
    exporters: Exporters = NO_EXPORTERS
    plan_file: Path | None = None


def run_trial(job: LoadJob, out: Console, progress: Console) -> ExitCode:
    """
    Make a trial and judge it.

    Raises:
        HarnessError: It could not be made; nothing is left that looks like a trial.
    """
    key = read_key(os.environ, embedded=not job.host)
    load_result = measure(job, key, progress)
    code = evaluate_measured(job.out, out, progress, github=job.github)
    return ExitCode.INTERRUPTED if load_result.interrupted else code


@dataclass(frozen=True, slots=True)
class LoadResult:
    """How the load ended."""

    interrupted: bool


def measure(job: LoadJob, key: str, progress: Console) -> LoadResult:
    """
    Make the load of a trial and leave its parts and manifest in the directory.

    Raises:
        HarnessError: Nothing was measured, and nothing is left; or something failed
            afterwards, and the message says that the rest is kept.
    """
    create_directory(job.out)
    signals = SignalHandler()
    try:
        _load(job, key, progress, signals)
    except HarnessError as error:
        if not has_started(job.out):
            discard_directory(job.out)
            raise
        raise type(error)(f"{error}; {_keep_partial(job, key, progress)}") from error
    except OSError as error:
        error_of = write_error(job.out, error)
        if not has_started(job.out):
            discard_directory(job.out)
            raise error_of from error
        raise StorageError(f"{error_of}; {_keep_partial(job, key, progress)}") from error
    link_latest(job.out)
    return LoadResult(interrupted=signals.count > 0)


def _keep_partial(job: LoadJob, key: str, progress: Console) -> str:
    """After a failure amidst a trial: close what is open, and say where the rest is."""
    if job.host:  # else the target is gone, and its sessions with it
        close_orphans(job.out, job.out / SPEC_FILE, key, progress, embedded=False)
    (job.out / SPEC_FILE).unlink(missing_ok=True)
    return f"what was measured is kept: harness report {job.out}"


def _load(job: LoadJob, key: str, progress: Console, signals: SignalHandler) -> None:
    """Start what the trial needs, have the load made, see its debts paid."""
    with ExitStack() as stack:
        stack.enter_context(signals.installed())
        stack.enter_context(shared_lock(job.out))
        trial_info = TrialInfo(job.trial_id, job.scenario.stem, job.plan.name)
        latest = stack.enter_context(job.exporters.running(trial_info, progress))
        spec, sidecars = _prepare(job, key, stack)
        command = locust_command(
            job.scenario, spec.host, job.plan, job.processes, job.locust_options
        )
        status = run_load(
            command,
            job.out / SPEC_FILE,
            job.out / LOG_FILE,
            os.environ,
            signals,
            progress,
            sidecars.begin,
            latest.update,
        )
        if signals.count and not has_started(job.out):
            raise StoppedEarlyError(NOTHING_KEPT)
        sidecars.end()
        finish_load(job.out, status, key, progress, embedded=spec.embedded)
        sidecars.save_ground_truth(job.out)


def build_spec(
    job: LoadJob, host: str, webhook_url: str, *, via: str = "", embedded: bool = False
) -> TrialSpec:
    """The orders of a load at this host; ``via`` is the fault proxy's, where there is one."""
    return TrialSpec(
        trial_id=job.trial_id,
        out=str(job.out),
        scenario=job.scenario.stem,
        host=host,
        via=via,
        webhook_url=webhook_url,
        shown_host=job.host or "stand-in",
        plan=job.plan.model_dump(mode="json", by_alias=True),
        embedded=embedded,
        **job.transport_options.to_spec(),
        watched=bool(job.exporters),
        plan_file=str(job.plan_file or ""),
    )


def _prepare(job: LoadJob, key: str, stack: ExitStack) -> tuple[TrialSpec, Sidecars]:
    """Start what the trial needs around it, see the target alive, write the spec."""
    if job.transport_options.proxy and has_network_faults(job.plan):
        raise UsageError("faults go with no --proxy: both would stand before the target")
    host, standin = job.host, job.running
    if standin is not None:
        host = standin.url
    elif not host:
        standin = start_target(job.plan, job.standin, stack)
        host = standin.url
    sidecars = start_sidecars(job.plan, host, job.trial_id, job.out, stack, standin)
    spec = build_spec(
        job, host, sidecars.webhook_url, via=sidecars.via, embedded=standin is not None
    )
    recorder = Recorder()
    preflight_target = spec.target(job.plan.timeouts, key, direct=True)
    try:
        targets.preflight(preflight_target, recorder, key_matters=standin is None)
    finally:
        append_own_attempts(job.out, PREFLIGHT, recorder)
    write_atomically(job.out / SPEC_FILE, msgspec.json.encode(spec))
    return spec, sidecars
