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

from harness.cli.transport_options import PLAIN, Wire
from harness.cli.verdict import judge_measured
from harness.client.recorder import Recorder
from harness.errors import HarnessError, StoppedEarlyError, StorageError, UsageError
from harness.execution import target as targets
from harness.execution.load_process import NOTHING_KEPT, Interruption, locust_command, run_load
from harness.execution.orphans import LOG, SPEC, rescue, settle
from harness.execution.sidecars import Around, has_network_faults, start_around, start_target
from harness.execution.trial_directory import (
    claim,
    disclaim,
    has_begun,
    point_latest,
    write_own,
)
from harness.exit_codes import Exit
from harness.load.spec import Spec, read_key
from harness.plan.model import Plan
from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from harness.telemetry.exporters import NOBODY, Facts, Watch
from harness.trial.parts import PREFLIGHT, shared_lock
from harness.trial.store import write_atomically, write_error


@dataclass(frozen=True, slots=True)
class Job:
    """
    A trial to be made.

    Attributes:
        scenario: Its Locust file.
        plan: Its plan, overrides applied.
        host: The target's base URL; "" for the embedded stand-in.
        out: Its directory; it does not exist yet, or is empty.
        processes: Load processes.
        wire: How the target is spoken to.
        locust_options: Handed on to Locust as they are.
        standin: Settings of the embedded stand-in.
        github: Say failures and doubts as GitHub annotations, too.
        running: An embedded stand-in that runs already, for several trials in a row.
        watch: Who sees its live figures.
        plan_file: Where the plan was read, to point at its lines.
    """

    scenario: Path
    plan: Plan
    host: str
    out: Path
    trial_id: str
    processes: int = 1
    wire: Wire = PLAIN
    locust_options: tuple[str, ...] = ()
    standin: StandinConfig | None = None
    github: bool = False
    running: Standin | None = None
    watch: Watch = NOBODY
    plan_file: Path | None = None


def make_trial(job: Job, out: Console, progress: Console) -> Exit:
    """
    Make a trial and judge it.

    Raises:
        HarnessError: It could not be made; nothing is left that looks like a trial.
    """
    key = read_key(os.environ, embedded=not job.host)
    made = measure(job, key, progress)
    code = judge_measured(job.out, out, progress, github=job.github)
    return Exit.INTERRUPTED if made.interrupted else code


@dataclass(frozen=True, slots=True)
class Measured:
    """How the load ended."""

    interrupted: bool


def measure(job: Job, key: str, progress: Console) -> Measured:
    """
    Make the load of a trial and leave its parts and manifest in the directory.

    Raises:
        HarnessError: Nothing was measured, and nothing is left; or something failed
            afterwards, and the message says that the rest is kept.
    """
    claim(job.out)
    interruption = Interruption()
    try:
        _load(job, key, progress, interruption)
    except HarnessError as error:
        if not has_begun(job.out):
            disclaim(job.out)
            raise
        raise type(error)(f"{error}; {_keep(job, key, progress)}") from error
    except OSError as error:
        told = write_error(job.out, error)
        if not has_begun(job.out):
            disclaim(job.out)
            raise told from error
        raise StorageError(f"{told}; {_keep(job, key, progress)}") from error
    point_latest(job.out)
    return Measured(interrupted=interruption.count > 0)


def _keep(job: Job, key: str, progress: Console) -> str:
    """After a failure amidst a trial: close what is open, and say where the rest is."""
    if job.host:  # else the target is gone, and its sessions with it
        rescue(job.out, job.out / SPEC, key, progress, embedded=False)
    (job.out / SPEC).unlink(missing_ok=True)
    return f"what was measured is kept: harness report {job.out}"


def _load(job: Job, key: str, progress: Console, interruption: Interruption) -> None:
    """Start what the trial needs, have the load made, see its debts paid."""
    with ExitStack() as stack:
        stack.enter_context(interruption.watching())
        stack.enter_context(shared_lock(job.out))
        facts = Facts(job.trial_id, job.scenario.stem, job.plan.name)
        latest = stack.enter_context(job.watch.watching(facts, progress))
        spec, around = _prepare(job, key, stack)
        command = locust_command(
            job.scenario, spec.host, job.plan, job.processes, job.locust_options
        )
        status = run_load(
            command,
            job.out / SPEC,
            job.out / LOG,
            os.environ,
            interruption,
            progress,
            around.begin,
            latest.take,
        )
        if interruption.count and not has_begun(job.out):
            raise StoppedEarlyError(NOTHING_KEPT)
        around.end()
        settle(job.out, status, key, progress, embedded=spec.embedded)
        around.keep_truth(job.out)


def spec_of(
    job: Job, host: str, webhook_url: str, *, via: str = "", embedded: bool = False
) -> Spec:
    """The orders of a load at this host; ``via`` is the fault proxy's, where there is one."""
    return Spec(
        trial_id=job.trial_id,
        out=str(job.out),
        scenario=job.scenario.stem,
        host=host,
        via=via,
        webhook_url=webhook_url,
        shown_host=job.host or "stand-in",
        plan=job.plan.model_dump(mode="json", by_alias=True),
        embedded=embedded,
        **job.wire.to_spec(),
        watched=bool(job.watch),
        plan_file=str(job.plan_file or ""),
    )


def _prepare(job: Job, key: str, stack: ExitStack) -> tuple[Spec, Around]:
    """Start what the trial needs around it, see the target alive, write the spec."""
    if job.wire.proxy and has_network_faults(job.plan):
        raise UsageError("faults go with no --proxy: both would stand before the target")
    host, standin = job.host, job.running
    if standin is not None:
        host = standin.url
    elif not host:
        standin = start_target(job.plan, job.standin, stack)
        host = standin.url
    around = start_around(job.plan, host, job.trial_id, job.out, stack, standin)
    spec = spec_of(job, host, around.webhook_url, via=around.via, embedded=standin is not None)
    recorder = Recorder()
    preflight_target = spec.target(job.plan.timeouts, key, direct=True)
    try:
        targets.preflight(preflight_target, recorder, key_matters=standin is None)
    finally:
        write_own(job.out, PREFLIGHT, recorder)
    write_atomically(job.out / SPEC, msgspec.json.encode(spec))
    return spec, around
