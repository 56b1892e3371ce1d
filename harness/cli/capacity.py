"""``harness capacity``: how many sessions, and what rate, before it breaks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

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
from harness.execution.load_process import find_scenario
from harness.execution.sessions import SessionsJob, measure_sessions
from harness.execution.throughput import SPACINGS, ThroughputJob, measure_throughput
from harness.load.spec import check_host, read_key
from harness.plan.file import find_plan, read_plan
from harness.plan.trial_id import new_trial_id

app = typer.Typer(
    help="How many sessions can be open at once, and what rate holds the SLO.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Out = Annotated[Path | None, typer.Option(help="The trial directory itself.")]


@app.command()
def sessions(
    host: Host = "",
    max_sessions: Annotated[
        int, typer.Option(min=1, max=100_000, help="Never hold more than this many.")
    ] = 256,
    parallel: Annotated[
        int, typer.Option(min=1, max=256, help="Most creates at once while filling.")
    ] = 32,
    cycles: Annotated[
        int, typer.Option(min=1, max=1000, help="Rounds of delete one, create one.")
    ] = 20,
    races: Annotated[
        int, typer.Option(min=0, max=100, help="Rounds of concurrent creates at the edge.")
    ] = 3,
    out: Out = None,
    transport: TransportName = "fast",
    allow_host: AllowHost = "",
    auth: Auth = "api-key",
    ca_file: CaFile = None,
    insecure: Insecure = False,
    proxy: Proxy = None,
    http2: Http2 = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the payloads.")] = 1,
) -> None:
    """Find how many sessions can be open at once, and close them all again."""
    transport_options = TransportOptions(transport, auth, ca_file, not insecure, proxy, http2)
    trial_id = new_trial_id("capacity_sessions")
    job = SessionsJob(
        host=check_host(host, allow_host) if host else "",
        out=out or Path("trials") / trial_id,
        trial_id=trial_id,
        max_sessions=max_sessions,
        parallel=parallel,
        cycles=cycles,
        races=races,
        seed=seed,
        transport_options=transport_options,
    )
    key = read_key(os.environ, embedded=not host)
    raise typer.Exit(int(measure_sessions(job, key, Console(), Console(stderr=True))))


@app.command()
def throughput(
    scenario: Annotated[
        str, typer.Argument(metavar="[SCENARIO]", help="A name in scenarios/, or a path.")
    ] = "cache_import",
    slo: Annotated[
        str, typer.Option(help="What must hold, such as 'p99<250ms,errors<1%'.")
    ] = "p99<250ms,errors<1%",
    plan: Annotated[
        str, typer.Option(help="Plan that gives weights, timeouts and scenario settings.")
    ] = "smoke",
    max_rate: Annotated[
        float, typer.Option(min=1, max=100_000, help="Never offer more arrivals a second.")
    ] = 1000.0,
    start_rate: Annotated[
        float, typer.Option(min=0.1, max=100_000, help="Arrivals a second of the first step.")
    ] = 10.0,
    users: Annotated[int, typer.Option(min=1, max=10_000, help="Most calls in flight.")] = 200,
    patience: Annotated[
        float, typer.Option(min=0.5, max=20, help="Factor on every step's length.")
    ] = 1.0,
    spacing: Annotated[str, typer.Option(help="poisson or uniform arrivals.")] = "poisson",
    host: Host = "",
    out: Out = None,
    transport: TransportName = "fast",
    allow_host: AllowHost = "",
    auth: Auth = "api-key",
    ca_file: CaFile = None,
    insecure: Insecure = False,
    proxy: Proxy = None,
    http2: Http2 = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random.")] = 1,
) -> None:
    """Find the highest arrival rate at which the objectives hold."""
    transport_options = TransportOptions(transport, auth, ca_file, not insecure, proxy, http2)
    spaced = next((known for known in SPACINGS if known == spacing), None)
    if spaced is None:
        raise UsageError(f"--spacing {spacing!r}: known are {', '.join(SPACINGS)}")
    if start_rate > max_rate:
        raise UsageError(f"--start-rate {start_rate:g} is above --max-rate {max_rate:g}")
    trial_id = new_trial_id("capacity_throughput")
    job = ThroughputJob(
        scenario=find_scenario(scenario),
        slo=slo,
        plan=read_plan(find_plan(plan)),
        host=check_host(host, allow_host) if host else "",
        out=out or Path("trials") / trial_id,
        trial_id=trial_id,
        max_per_s=max_rate,
        start_per_s=start_rate,
        users=users,
        patience=patience,
        spacing=spaced,
        seed=seed,
        transport_options=transport_options,
    )
    key = read_key(os.environ, embedded=not host)
    raise typer.Exit(int(measure_throughput(job, key, Console(), Console(stderr=True))))
