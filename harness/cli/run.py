"""``harness run``: one trial, from plan to verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.completion import complete_fault
from harness.cli.interrupts import importing
from harness.cli.parameters import GitHub, Otlp, PlanName, Prometheus, Quiet, Scenario, TrialOut
from harness.cli.target_options import TargetOptions, takes_target
from harness.errors import UsageError


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

        from harness.cli.locust_options import reject_own_options
        from harness.cli.overrides import Overrides, apply_overrides
        from harness.cli.summary_view import run_and_print
        from harness.execution import distributed
        from harness.execution.load import LoadExperiment, LoadJob
        from harness.execution.load_process import find_scenario
        from harness.plan.file import find_plan, read_plan
        from harness.plan.trial_id import new_trial_id
        from harness.telemetry.exporters import Exporters

    transport_options = target.transport_options
    path = find_scenario(scenario)
    reject_own_options(locust_options or ())
    overrides = Overrides(rate, users, closed, duration, seed, tuple(fault or ()))
    plan_file = find_plan(plan)
    resolved = apply_overrides(read_plan(plan_file), overrides)
    trial_id = new_trial_id(path.stem)
    job = LoadJob(
        scenario=path,
        plan=resolved,
        host=target.check_host(),
        out=out or Path("trials") / trial_id,
        trial_id=trial_id,
        processes=processes,
        locust_options=tuple(locust_options or ()),
        transport_options=transport_options,
        exporters=Exporters(prometheus, otlp),
        plan_file=plan_file,
    )
    progress = Console(stderr=True, quiet=quiet)
    if master is not None and (worker is not None or processes > 1):
        raise UsageError("--master cannot be combined with --worker or --processes")
    if worker is not None:
        if job.exporters:
            raise UsageError("--worker: live metrics are at the master; watch there")
        code = distributed.run_worker(LoadExperiment(job), worker, target.read_key(), progress)
        raise typer.Exit(int(code))
    if master is not None:
        coordinator_args = distributed.coordinator_options(master, bind, job.host, job.plan)
        job = replace(job, locust_options=(*coordinator_args, *job.locust_options))
    experiment = LoadExperiment(job)
    code = run_and_print(experiment, target.read_key(), Console(), progress, github=github)
    raise typer.Exit(int(code))
