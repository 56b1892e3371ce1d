"""``harness capacity``: how many sessions, and what rate, before it breaks."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from harness.cli.interrupts import importing
from harness.cli.lazy import new_app, show_examples
from harness.cli.parameters import PlanName, Quiet, Scenario, Seed, TrialOut, value
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
    max_sessions: Annotated[int, value("N", "Most sessions to open.", 1, 100_000)] = 256,
    parallel: Annotated[int, value("N", "Most concurrent creates.", 1, 256)] = 32,
    cycles: Annotated[int, value("N", "Rounds of delete, create.", 1, 1000)] = 20,
    races: Annotated[int, value("N", "Rounds of concurrent creates at the edge.", 0, 100)] = 3,
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

    job = SessionsJob(
        **target.trial_fields("capacity_sessions", out),
        max_sessions=max_sessions,
        parallel=parallel,
        cycles=cycles,
        races=races,
        seed=seed,
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
    slo: Annotated[str, value("SLO", "What must hold.")] = "p99<250ms,errors<1%",
    plan: PlanName = "smoke",
    max_rate: Annotated[float, value("N", "Highest rate to offer, per s.", 1, 100_000)] = 1000.0,
    start_rate: Annotated[float, value("N", "Rate of the first step, per s.", 0.1, 100_000)] = 10.0,
    users: Annotated[int, value("N", "Most calls in flight.", 1, 10_000)] = 200,
    patience: Annotated[float, value("X", "Factor on step lengths.", 0.5, 20)] = 1.0,
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

    if start_rate > max_rate:
        raise UsageError(f"--start-rate {start_rate:g} is above --max-rate {max_rate:g}")
    job = ThroughputJob(
        scenario=find_scenario(scenario),
        slo=slo,
        plan=read_plan(find_plan(plan)),
        **target.trial_fields("capacity_throughput", out),
        max_per_s=max_rate,
        start_per_s=start_rate,
        users=users,
        patience=patience,
        spacing=spacing,
        seed=seed,
    )
    out_console, progress = Console(), Console(stderr=True, quiet=quiet)
    experiment = ThroughputExperiment(job, StepsView(progress))
    code = run_and_print(experiment, target.read_key(), out_console, progress)
    print_throughput(experiment.document, job.out / RESULT_FILE, out_console)
    raise typer.Exit(int(code))
