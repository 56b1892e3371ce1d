"""``harness run``: one trial, from plan to verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from harness.cli.completion import complete_fault
from harness.cli.interrupts import importing
from harness.cli.parameters import (
    GitHub,
    Otlp,
    PlanName,
    Prometheus,
    Quiet,
    Scenario,
    TrialOut,
    flag,
    value,
)
from harness.cli.target_options import TargetOptions, takes_target
from harness.errors import UsageError


@takes_target
def run(
    target: TargetOptions,
    scenario: Scenario,
    locust_options: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- LOCUST OPTIONS]", help="Options of Locust."),
    ] = None,
    plan: PlanName = "smoke",
    rate: Annotated[float | None, value("N", "Arrivals a second, in every phase.")] = None,
    users: Annotated[int | None, value("N", "Most calls in flight; users if --closed.")] = None,
    closed: Annotated[bool, flag("--closed", "Users with wait times.")] = False,
    duration: Annotated[str | None, value("TIME", "One phase of this length, such as 30s.")] = None,
    processes: Annotated[int, value("N", "Load processes.", 1, 256)] = 1,
    seed: Annotated[int | None, value("N", "Seed of everything random.")] = None,
    fault: Annotated[
        list[str] | None,
        value(
            "FAULT",
            "Inject a fault, such as response-lost:probability=0.05.",
            complete=complete_fault,
        ),
    ] = None,
    out: TrialOut = None,
    master: Annotated[int | None, value("N", "Coordinate N workers on other machines.")] = None,
    bind: Annotated[str, value("HOST:PORT", "Where the coordinator listens.")] = "127.0.0.1:5557",
    worker: Annotated[str | None, value("HOST[:PORT]", "Work for that coordinator.")] = None,
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
        from harness.telemetry.exporters import Exporters

    path = find_scenario(scenario)
    reject_own_options(locust_options or ())
    overrides = Overrides(rate, users, closed, duration, seed, tuple(fault or ()))
    plan_file = find_plan(plan)
    resolved = apply_overrides(read_plan(plan_file), overrides)
    job = LoadJob(
        scenario=path,
        plan=resolved,
        **target.trial_fields(path.stem, out),
        processes=processes,
        locust_options=tuple(locust_options or ()),
        exporters=Exporters(prometheus, otlp),
        plan_file=plan_file,
    )
    progress = Console(stderr=True, quiet=quiet)
    if master is not None and (worker is not None or processes > 1):
        raise UsageError("--master cannot be combined with --worker or --processes")
    if worker is not None:
        if job.exporters:
            raise UsageError("--worker: the coordinator exports live metrics")
        code = distributed.run_worker(LoadExperiment(job), worker, target.read_key(), progress)
        raise typer.Exit(int(code))
    if master is not None:
        coordinator_args = distributed.coordinator_options(master, bind, job.host, job.plan)
        job = replace(job, locust_options=(*coordinator_args, *job.locust_options))
    experiment = LoadExperiment(job)
    code = run_and_print(experiment, target.read_key(), Console(), progress, github=github)
    raise typer.Exit(int(code))
