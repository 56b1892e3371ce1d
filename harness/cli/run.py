"""``harness run``: one trial, from plan to verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.completion import complete_fault
from harness.cli.interrupts import importing
from harness.cli.parameters import GitHub, Otlp, PlanName, Prometheus, Quiet, Scenario, TrialOut
from harness.cli.target_options import TargetOptions, takes_target
from harness.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from harness.cli.load_trial import Job
    from harness.exits import Exit


@takes_target
def run(
    target: TargetOptions,
    scenario: Scenario,
    locust_options: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- LOCUST OPTIONS]", help="Handed on to Locust."),
    ] = None,
    plan: PlanName = "smoke",
    rate: Annotated[
        float | None, typer.Option(metavar="N", help="Arrivals a second, in every phase.")
    ] = None,
    users: Annotated[
        int | None, typer.Option(metavar="N", help="Most calls in flight; users if --closed.")
    ] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Users with wait times.")] = False,
    duration: Annotated[
        str | None, typer.Option(metavar="TIME", help="One phase of this length, such as 30s.")
    ] = None,
    processes: Annotated[
        int, typer.Option(min=1, max=256, metavar="N", help="Load processes.")
    ] = 1,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Seed of everything random.")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FAULT",
            help="Inject a fault, such as response-lost:probability=0.05.",
            autocompletion=complete_fault,
        ),
    ] = None,
    out: TrialOut = None,
    master: Annotated[
        int | None, typer.Option(metavar="N", help="Coordinate N workers on other machines.")
    ] = None,
    bind: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where the coordinator listens.")
    ] = "127.0.0.1:5557",
    worker: Annotated[
        str | None, typer.Option(metavar="HOST[:PORT]", help="Work for that coordinator.")
    ] = None,
    github: GitHub = False,
    prometheus: Prometheus = None,
    otlp: Otlp = None,
    quiet: Quiet = False,
) -> None:
    """Run a plan against a target and evaluate the trial."""
    with importing():
        from rich.console import Console

        from harness.cli import remote
        from harness.cli.handed_on import refuse_own_options
        from harness.cli.load_trial import Job, make_trial
        from harness.cli.loading import find_scenario
        from harness.cli.options import Overrides, override
        from harness.cli.watching import Watch
        from harness.load.naming import new_trial_id
        from harness.load.plan_file import find_plan, read_plan

    wire = target.wire
    path = find_scenario(scenario)
    refuse_own_options(locust_options or ())
    overrides = Overrides(rate, users, closed, duration, seed, tuple(fault or ()))
    plan_file = find_plan(plan)
    resolved = override(read_plan(plan_file), overrides)
    trial_id = new_trial_id(path.stem)
    job = Job(
        scenario=path,
        plan=resolved,
        host=target.check_host(),
        out=out or Path("trials") / trial_id,
        trial_id=trial_id,
        processes=processes,
        locust_options=tuple(locust_options or ()),
        wire=wire,
        github=github,
        watch=Watch(prometheus, otlp),
        plan_file=plan_file,
    )
    progress = Console(stderr=True, quiet=quiet)
    if master is not None and (worker is not None or processes > 1):
        raise UsageError("--master goes with neither --worker nor --processes")
    if worker is not None:
        if job.watch:
            raise UsageError("--worker: the master has the live figures; watch there")
        raise typer.Exit(int(_serve_master(job, worker, target, progress)))
    if master is not None:
        lead = remote.master_options(master, bind, job.host, job.plan)
        job = replace(job, locust_options=(*lead, *job.locust_options))
    raise typer.Exit(int(make_trial(job, Console(), progress)))


def _serve_master(job: Job, master: str, target: TargetOptions, progress: Console) -> Exit:
    """Be a worker: the target is one's own to name, the plan is the master's."""
    from harness.cli.load_trial import spec_of
    from harness.cli.remote import work

    if not job.host:
        raise UsageError("--worker needs --host: the target as this machine reaches it")
    spec = spec_of(job, job.host, "")
    return work(spec, job.scenario, master, job.locust_options, target.read_key(), progress)
