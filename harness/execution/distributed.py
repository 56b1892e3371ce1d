"""
A trial on several machines: ``harness run --master N`` on one and ``harness run --worker
HOST[:PORT]`` on the others.

The coordinator keeps the trial: plan, records, checks, reports. A worker makes its share of the
load of the coordinator's plan against its own ``--host``. It keeps its own ledger, so that its
sessions are closed even if it dies.
"""

from __future__ import annotations

import signal
from pathlib import Path

import msgspec
from rich.console import Console

from harness import addresses
from harness.errors import HarnessError, TargetError, UsageError
from harness.execution.lifecycle import build_spec
from harness.execution.load import LoadExperiment, LoadJob
from harness.execution.load_process import (
    LOCUST,
    SignalHandler,
    check_users,
    last_line,
    load_error,
    run_load,
)
from harness.execution.orphans import LOG_FILE, SPEC_FILE, close_orphans
from harness.execution.trial_directory import create_directory, discard_directory
from harness.exit_codes import ExitCode
from harness.launcher import module_command
from harness.plan.model import Plan
from harness.trial.parts import PARTS
from harness.trial.store import write_atomically

PORT = 5557
_WORKERS_MAX = 1000


def parse_address(text: str, option: str) -> tuple[str, int]:
    """Parse HOST[:PORT] or [IPv6]:PORT; raises UsageError, which names the option."""
    try:
        return addresses.parse_address(text, port=PORT, port_least=1)
    except ValueError as error:
        raise UsageError(f"{option} {text!r}: {error}") from error


def coordinator_options(workers: int, bind: str, host: str, plan: Plan) -> list[str]:
    """Locust's options for a coordinator of N workers; raises UsageError."""
    if not 1 <= workers <= _WORKERS_MAX:
        raise UsageError(f"--master {workers}: 1 to {_WORKERS_MAX} workers")
    if not host:
        raise UsageError("--master needs --host: other machines cannot reach the embedded stand-in")
    if plan.faults:
        raise UsageError("--master: faults need a proxy on each machine; leave them out")
    check_users(plan, workers, f"--master {workers}")
    name, port = parse_address(bind, "--bind")
    options = ["--master", "--expect-workers", str(workers)]
    return [*options, "--master-bind-host", name, "--master-bind-port", str(port)]


def run_worker(
    experiment: LoadExperiment, coordinator: str, key: str, progress: Console
) -> ExitCode:
    """
    Work for a coordinator, which sends the plan, until its load ends.

    Raises:
        UsageError: The address or the directory is wrong, or there is no host.
        TargetError: The coordinator is unreachable, its load is over, or the worker was killed.
        HarnessError: The load process refused its spec.
    """
    job = experiment.job
    if not job.host:
        raise UsageError("--worker needs --host: the target as this machine reaches it")
    spec = build_spec(experiment, job.host, embedded=False)
    name, port = parse_address(coordinator, "--worker")
    out, spec_path, log = job.out, job.out / SPEC_FILE, job.out / LOG_FILE
    create_directory(out)
    (out / PARTS).mkdir()
    write_atomically(spec_path, msgspec.json.encode(spec))
    command = _worker_command(job, name, port)
    text = f"joining the coordinator at {name}:{port}, waiting for the load to begin …"
    progress.print(text, markup=False, highlight=False, soft_wrap=True)
    signals = SignalHandler()
    starts_ns: list[int] = []
    with signals.installed():
        status = run_load(command, spec_path, log, signals, progress, starts_ns.append)
    left_open = close_orphans(out, spec_path, key, progress, embedded=False)
    spec_path.unlink(missing_ok=True)
    failure = _failure(status, log, f"{name}:{port}")
    if not left_open:  # the coordinator has the results
        discard_directory(out)
    if signals.count:
        return ExitCode.INTERRUPTED
    if failure is not None:
        raise failure
    if not starts_ns:
        raise TargetError("the coordinator's load ended without this worker, which joined too late")
    return ExitCode.UNKNOWN if left_open else ExitCode.PASS


def _worker_command(job: LoadJob, name: str, port: int) -> list[str]:
    command = module_command(LOCUST, "-f", str(job.scenario), "--host", job.host)
    command += ["--worker", "--master-host", name, "--master-port", str(port)]
    return [*command, "--loglevel", "ERROR", "--only-summary", "--headless", *job.locust_options]


def _failure(status: int, log: Path, address: str) -> HarnessError | None:
    """Why a worker's load process failed; None if it did not."""
    if status in {int(ExitCode.USAGE), int(ExitCode.UNREACHABLE)}:
        return load_error(log, status)
    if status < 0:
        cause = signal.Signals(-status).name
        return TargetError(f"the worker was killed by {cause} before its share was done")
    if status:
        return TargetError(
            f"the worker ended with {status}: {last_line(log)}; is {address} a coordinator?"
        )
    return None
