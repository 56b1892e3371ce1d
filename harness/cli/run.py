"""``harness run``: one trial, from plan to verdict."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.locust_options import reject_own_options
from harness.cli.overrides import GitHub, Overrides, apply_overrides
from harness.cli.transport_options import (
    AllowHost,
    Auth,
    CaFile,
    Host,
    Http2,
    Insecure,
    Proxy,
    TransportName,
    TransportOptions,
)
from harness.errors import UsageError
from harness.execution import distributed
from harness.execution.load import LoadJob, build_spec, run_trial
from harness.execution.load_process import find_scenario
from harness.exit_codes import ExitCode
from harness.load.spec import check_host, read_key
from harness.plan.file import find_plan, read_plan
from harness.plan.trial_id import new_trial_id
from harness.telemetry.exporters import Exporters, OtlpOption, PrometheusOption


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
    rate: Annotated[float | None, typer.Option(help="Arrivals a second, in every phase.")] = None,
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
    transport_options = TransportOptions(transport, auth, ca_file, not insecure, proxy, http2)
    path = find_scenario(scenario)
    reject_own_options(locust_options or ())
    overrides = Overrides(rate, users, closed, duration, seed, tuple(fault or ()))
    plan_file = find_plan(plan)
    resolved = apply_overrides(read_plan(plan_file), overrides)
    trial_id = new_trial_id(path.stem)
    job = LoadJob(
        scenario=path,
        plan=resolved,
        host=check_host(host, allow_host) if host else "",
        out=out or Path("trials") / trial_id,
        trial_id=trial_id,
        processes=processes,
        locust_options=tuple(locust_options or ()),
        transport_options=transport_options,
        github=github,
        exporters=Exporters(prometheus, otlp),
        plan_file=plan_file,
    )
    if master is not None and (worker is not None or processes > 1):
        raise UsageError("--master goes with neither --worker nor --processes")
    if worker is not None:
        if job.exporters:
            raise UsageError("--worker: the master has the live figures; watch there")
        raise typer.Exit(int(_run_worker(job, worker)))
    if master is not None:
        coordinator_args = distributed.coordinator_options(master, bind, job.host, job.plan)
        job = replace(job, locust_options=(*coordinator_args, *job.locust_options))
    raise typer.Exit(int(run_trial(job, Console(), Console(stderr=True))))


def _run_worker(job: LoadJob, master: str) -> ExitCode:
    """Be a worker: the target is one's own to name, the plan is the master's."""
    if not job.host:
        raise UsageError("--worker needs --host: the target as this machine reaches it")
    key = read_key(os.environ, embedded=False)
    spec = build_spec(job, job.host, "")
    progress = Console(stderr=True)
    return distributed.run_worker(spec, job.scenario, master, job.locust_options, key, progress)
