"""``harness capacity``: how many sessions, and what rate, before it breaks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.cli.interrupts import importing
from harness.cli.lazy import new_app, show_examples
from harness.cli.parameters import PlanName, Quiet, Scenario, Seed, TrialOut
from harness.cli.target_options import TargetOptions, takes_target
from harness.errors import UsageError

app = new_app(help="Find how many sessions fit and what rate holds the SLO.", no_args_is_help=True)


@app.command(
    epilog=show_examples(
        "harness capacity sessions", "harness capacity sessions --max-sessions 100 --cycles 5"
    )
)
@takes_target
def sessions(
    target: TargetOptions,
    max_sessions: Annotated[
        int, typer.Option(min=1, max=100_000, metavar="N", help="Most sessions to open.")
    ] = 256,
    parallel: Annotated[
        int, typer.Option(min=1, max=256, metavar="N", help="Most concurrent creates.")
    ] = 32,
    cycles: Annotated[
        int, typer.Option(min=1, max=1000, metavar="N", help="Rounds of delete, create.")
    ] = 20,
    races: Annotated[
        int,
        typer.Option(min=0, max=100, metavar="N", help="Rounds of concurrent creates at the edge."),
    ] = 3,
    out: TrialOut = None,
    seed: Seed = 1,
    quiet: Quiet = False,
) -> None:
    """Find how many sessions can be open at once, then close them."""
    with importing():
        from rich.console import Console

        from harness.cli.capacity_view import SessionsView, print_sessions
        from harness.cli.summary_view import run_and_print
        from harness.execution.sessions import RESULT_FILE, SessionsExperiment, SessionsJob
        from harness.plan.trial_id import new_trial_id

    trial_id = new_trial_id("capacity_sessions")
    job = SessionsJob(
        host=target.check_host(),
        out=out or Path("trials") / trial_id,
        trial_id=trial_id,
        max_sessions=max_sessions,
        parallel=parallel,
        cycles=cycles,
        races=races,
        seed=seed,
        transport_options=target.transport_options,
    )
    out_console, progress = Console(), Console(stderr=True, quiet=quiet)
    view = SessionsView(progress, job.host or "stand-in", max_sessions)
    experiment = SessionsExperiment(job, view)
    code = run_and_print(experiment, target.read_key(), out_console, progress)
    print_sessions(experiment.search.result(), job.out / RESULT_FILE, out_console)
    raise typer.Exit(int(code))


@app.command(
    epilog=show_examples(
        "harness capacity throughput cache_import",
        "harness capacity throughput mixed --slo 'p99<400ms,errors<1%' --max-rate 200",
    )
)
@takes_target
def throughput(
    target: TargetOptions,
    scenario: Scenario = "cache_import",
    slo: Annotated[
        str, typer.Option(metavar="SLO", help="What must hold.")
    ] = "p99<250ms,errors<1%",
    plan: PlanName = "smoke",
    max_rate: Annotated[
        float,
        typer.Option(min=1, max=100_000, metavar="N", help="Highest rate to offer, per s."),
    ] = 1000.0,
    start_rate: Annotated[
        float,
        typer.Option(min=0.1, max=100_000, metavar="N", help="Rate of the first step, per s."),
    ] = 10.0,
    users: Annotated[
        int, typer.Option(min=1, max=10_000, metavar="N", help="Most calls in flight.")
    ] = 200,
    patience: Annotated[
        float, typer.Option(min=0.5, max=20, metavar="X", help="Factor on step lengths.")
    ] = 1.0,
    spacing: Annotated[
        Literal["poisson", "uniform"], typer.Option(help="Spacing of the arrivals.")
    ] = "poisson",
    out: TrialOut = None,
    seed: Seed = 1,
    quiet: Quiet = False,
) -> None:
    """Find the highest arrival rate at which the objectives hold.

    The plan gives weights, timeouts and scenario settings; the search sets the load.
    """
    with importing():
        from rich.console import Console

        from harness.cli.capacity_view import StepsView, print_throughput
        from harness.cli.summary_view import run_and_print
        from harness.execution.load_process import find_scenario
        from harness.execution.throughput import RESULT_FILE, ThroughputExperiment, ThroughputJob
        from harness.plan.file import find_plan, read_plan
        from harness.plan.trial_id import new_trial_id

    if start_rate > max_rate:
        raise UsageError(f"--start-rate {start_rate:g} is above --max-rate {max_rate:g}")
    trial_id = new_trial_id("capacity_throughput")
    job = ThroughputJob(
        scenario=find_scenario(scenario),
        slo=slo,
        plan=read_plan(find_plan(plan)),
        host=target.check_host(),
        out=out or Path("trials") / trial_id,
        trial_id=trial_id,
        max_per_s=max_rate,
        start_per_s=start_rate,
        users=users,
        patience=patience,
        spacing=spacing,
        seed=seed,
        transport_options=target.transport_options,
    )
    out_console, progress = Console(), Console(stderr=True, quiet=quiet)
    experiment = ThroughputExperiment(job, StepsView(progress))
    code = run_and_print(experiment, target.read_key(), out_console, progress)
    print_throughput(experiment.document, job.out / RESULT_FILE, out_console)
    raise typer.Exit(int(code))
