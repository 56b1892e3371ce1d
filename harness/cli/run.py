"""``harness run``: one trial, from plan to verdict."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from harness.cli import remote
from harness.cli import target as targets
from harness.cli.around import Around, start_around, start_target
from harness.cli.loading import (
    NOTHING_KEPT,
    Interruption,
    find_scenario,
    locust_command,
    run_load,
)
from harness.cli.options import GitHub, Overrides, override
from harness.cli.rescue import LOG, SPEC, rescue, settle
from harness.cli.trial_directory import (
    claim,
    disclaim,
    has_begun,
    point_latest,
    write_own,
)
from harness.cli.verdict import judge_measured
from harness.cli.watching import NOBODY, Facts, OtlpOption, PrometheusOption, Watch
from harness.cli.wire_options import (
    PLAIN,
    AllowHost,
    Auth,
    CaFile,
    Host,
    Http2,
    Insecure,
    Proxy,
    TransportName,
    Wire,
)
from harness.errors import HarnessError, StoppedEarlyError, StorageError, UsageError
from harness.exits import Exit
from harness.load.naming import new_trial_id
from harness.load.plan import Plan
from harness.load.plan_file import find_plan, read_plan
from harness.load.spec import Spec, check_host, read_key
from harness.recorder import Recorder
from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from harness.trial.parts import PREFLIGHT, holding
from harness.trial.store import unwritable, write_bytes


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


def run(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="A name in scenarios/, or a path.")
    ],
    locust_options: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- LOCUST OPTIONS]", help="Handed on to Locust."),
    ] = None,
    host: Host = "",
    plan: Annotated[str, typer.Option(help="A plan's name or a .toml file.")] = "smoke",
    rate: Annotated[
        float | None, typer.Option(help="Arrivals a second, in every phase.")
    ] = None,
    users: Annotated[
        int | None, typer.Option(help="Most calls in flight; users if --closed.")
    ] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Users with wait times.")] = False,
    duration: Annotated[
        str | None, typer.Option(help="One phase of this length, e.g. 30s.")
    ] = None,
    processes: Annotated[int, typer.Option(min=1, max=256, help="Load processes.")] = 1,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    fault: Annotated[
        list[str] | None, typer.Option(help="A fault, e.g. response-lost:probability=0.05.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The trial directory itself.")] = None,
    transport: TransportName = "fast",
    allow_host: AllowHost = "",
    auth: Auth = "api-key",
    ca_file: CaFile = None,
    insecure: Insecure = False,
    proxy: Proxy = None,
    http2: Http2 = False,
    master: Annotated[
        int | None, typer.Option(help="Lead so many workers on other machines.")
    ] = None,
    bind: Annotated[str, typer.Option(help="Where a master listens.")] = "127.0.0.1:5557",
    worker: Annotated[
        str | None, typer.Option(metavar="HOST[:PORT]", help="Serve that master instead.")
    ] = None,
    github: GitHub = False,
    prometheus: PrometheusOption = None,
    otlp: OtlpOption = None,
) -> None:
    """Make one trial and report it."""
    wire = Wire(transport, auth, ca_file, not insecure, proxy, http2)
    path = find_scenario(scenario)
    overrides = Overrides(rate, users, closed, duration, seed, tuple(fault or ()))
    plan_file = find_plan(plan)
    resolved = override(read_plan(plan_file), overrides)
    trial_id = new_trial_id(path.stem)
    job = Job(
        scenario=path,
        plan=resolved,
        host=check_host(host, allow_host) if host else "",
        out=out or Path("trials") / trial_id,
        trial_id=trial_id,
        processes=processes,
        locust_options=tuple(locust_options or ()),
        wire=wire,
        github=github,
        watch=Watch(prometheus, otlp),
        plan_file=plan_file,
    )
    if master is not None and (worker is not None or processes > 1):
        raise UsageError("--master goes with neither --worker nor --processes")
    if worker is not None:
        if job.watch:
            raise UsageError("--worker: the master has the live figures; watch there")
        raise typer.Exit(int(_serve_master(job, worker)))
    if master is not None:
        lead = remote.master_options(master, bind, job.host, job.plan)
        job = replace(job, locust_options=(*lead, *job.locust_options))
    raise typer.Exit(int(make_trial(job, Console(), Console(stderr=True))))


def _serve_master(job: Job, master: str) -> Exit:
    """Be a worker: the target is one's own to name, the plan is the master's."""
    if not job.host:
        raise UsageError("--worker needs --host: the target as this machine reaches it")
    key = read_key(os.environ, embedded=False)
    spec = _spec_of(job, job.host, "")
    progress = Console(stderr=True)
    return remote.work(spec, job.scenario, master, job.locust_options, key, progress)


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
        told = unwritable(job.out, error)
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
        stack.enter_context(holding(job.out))
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


def _spec_of(
    job: Job, host: str, webhook_url: str, *, via: str = "", embedded: bool = False
) -> Spec:
    return Spec(
        trial_id=job.trial_id,
        out=str(job.out),
        scenario=job.scenario.stem,
        host=via or host,
        direct_host=host,
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
    host, standin = job.host, job.running
    if standin is not None:
        host = standin.url
    elif not host:
        standin = start_target(job.plan, job.standin, stack)
        host = standin.url
    around = start_around(job.plan, host, job.trial_id, job.out, stack, standin)
    spec = _spec_of(
        job, host, around.webhook_url, via=around.host, embedded=standin is not None
    )
    recorder = Recorder()
    preflight_target = spec.target(job.plan.timeouts.to_timeouts(), key, direct=True)
    try:
        targets.preflight(preflight_target, recorder, key_matters=standin is None)
    finally:
        write_own(job.out, PREFLIGHT, recorder)
    write_bytes(job.out / SPEC, msgspec.json.encode(spec))
    return spec, around
