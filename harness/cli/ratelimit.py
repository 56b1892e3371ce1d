"""``harness ratelimit``: measure an unknown rate limiter from outside."""

from __future__ import annotations

import os
from typing import Annotated, Literal, get_args

import typer

from harness.cli.interrupts import importing
from harness.cli.parameters import Quiet, Seed, TrialOut, value
from harness.cli.target_options import TargetOptions, takes_target
from harness.errors import UsageError

Operation = Literal[
    "import_selector_cache", "create_session", "get_session", "queue_run", "get_run", "health",
]  # fmt: skip


@takes_target
def ratelimit(
    target: TargetOptions,
    operation: Annotated[
        Operation,
        value(
            "OPERATION", f"What to call: {', '.join(get_args(Operation))}. Its sessions are closed."
        ),
    ] = "import_selector_cache",
    max_attempts: Annotated[int, value("N", "Most requests to send.", 50, 100_000)] = 2000,
    max_seconds: Annotated[float, value("S", "About how long it may take.", 5, 3600)] = 180.0,
    out: TrialOut = None,
    seed: Seed = 1,
    quiet: Quiet = False,
) -> None:
    """Measure the rate limiter: algorithm, rate, burst, Retry-After."""
    with importing():
        from rich.console import Console

        from harness.cli.limiter_view import ExperimentView, print_limiter
        from harness.cli.summary_view import run_and_print
        from harness.execution.limiter import RESULT_FILE, LimiterExperiment, LimiterJob
        from harness.experiments.rate_limit.lab import LabConfig

    fields, key = target.trial_fields("ratelimit", out), target.read_key()
    host = fields["host"]
    second = _second_key() if host else ""
    job = LimiterJob(
        **fields,
        lab_config=LabConfig(
            operation=operation,
            max_attempts=max_attempts,
            max_seconds=max_seconds,
            other_operation="get_run" if operation == "get_session" else "get_session",
            second_key=bool(second),
        ),
        seed=seed,
    )
    out_console, progress = Console(), Console(stderr=True, quiet=quiet)
    view = ExperimentView(progress, operation, host or "stand-in", max_attempts)
    experiment = LimiterExperiment(job, view)
    code = run_and_print(experiment, key, out_console, progress)
    print_limiter(experiment.document, job.out / RESULT_FILE, out_console)
    raise typer.Exit(int(code))


def _second_key() -> str:
    from harness.load.lab_protocol import SECOND_KEY_VARIABLE

    key = os.environ.get(SECOND_KEY_VARIABLE, "")
    if key and not (key.isascii() and key.isprintable() and key == key.strip()):
        raise UsageError(f"{SECOND_KEY_VARIABLE} holds characters that no header can carry")
    return key
