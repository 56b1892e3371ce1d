"""``harness ratelimit``: measure an unknown limiter from outside, and say how it behaves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.overrides import require_choice
from harness.cli.transport_options import (
    AllowHost,
    Auth,
    CaFile,
    Http2,
    Insecure,
    Proxy,
    TransportName,
    TransportOptions,
)
from harness.errors import UsageError
from harness.execution.limiter import LimiterJob, measure_limiter
from harness.exit_codes import ExitCode
from harness.experiments.rate_limit.lab import LabConfig
from harness.load.lab_protocol import SECOND_KEY_VARIABLE
from harness.load.spec import check_host, read_key
from harness.plan.trial_id import new_trial_id

OPERATIONS = (
    "import_selector_cache", "create_session", "get_session", "queue_run", "get_run", "health",
)  # fmt: skip
_LEAST_ATTEMPTS = 50


def ratelimit(
    host: Annotated[
        str, typer.Option(help="Base URL; a stand-in with 50/s, bursts to 20, when not given.")
    ] = "",
    operation: Annotated[
        str, typer.Option(help="What to call; sessions it creates are closed at the end.")
    ] = "import_selector_cache",
    max_attempts: Annotated[
        int, typer.Option(min=_LEAST_ATTEMPTS, max=100_000, help="Most requests to send.")
    ] = 2000,
    max_seconds: Annotated[
        float, typer.Option(min=5, max=3600, help="About how long it may take.")
    ] = 180.0,
    out: Annotated[Path | None, typer.Option(help="The trial directory itself.")] = None,
    transport: TransportName = "fast",
    allow_host: AllowHost = "",
    auth: Auth = "api-key",
    ca_file: CaFile = None,
    insecure: Insecure = False,
    proxy: Proxy = None,
    http2: Http2 = False,
    seed: Annotated[int, typer.Option(help="Seed of the payloads.")] = 1,
) -> None:
    """Measure the rate limiter: algorithm, rate, burst, window, Retry-After."""
    require_choice("--operation", operation, OPERATIONS)
    transport_options = TransportOptions(transport, auth, ca_file, not insecure, proxy, http2)
    checked = check_host(host, allow_host) if host else ""
    key = read_key(os.environ, embedded=not host)
    second = _second_key() if host else ""
    trial_id = new_trial_id("ratelimit")
    job = LimiterJob(
        host=checked,
        out=out or Path("trials") / trial_id,
        trial_id=trial_id,
        lab_config=LabConfig(
            operation=operation,
            max_attempts=max_attempts,
            max_seconds=max_seconds,
            other_operation="get_run" if operation == "get_session" else "get_session",
            second_key=bool(second),
        ),
        seed=seed,
        transport_options=transport_options,
    )
    code: ExitCode = measure_limiter(job, key, Console(), Console(stderr=True))
    raise typer.Exit(int(code))


def _second_key() -> str:
    key = os.environ.get(SECOND_KEY_VARIABLE, "")
    if key and not (key.isascii() and key.isprintable() and key == key.strip()):
        raise UsageError(f"{SECOND_KEY_VARIABLE} holds characters that no header can carry")
    return key
