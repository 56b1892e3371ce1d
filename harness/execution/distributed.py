"""
A trial over several machines: ``harness run --master N`` and, on each of the others,
``harness run --worker HOST[:PORT]``.

The master keeps the trial: plan, records, checks, reports. A worker makes its share of
the load by the master's plan against its own ``--host``, and keeps a ledger of its own,
so that what it opened is closed even if it dies.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import msgspec
from rich.console import Console

from harness import addresses
from harness.errors import HarnessError, TargetError, UsageError
from harness.execution.lifecycle import build_spec
from harness.execution.load import LoadExperiment
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
    """
    HOST[:PORT], or [IPv6]:PORT.

    Raises:
        UsageError: It is none; the message names the option.
    """
    try:
        return addresses.parse_address(text, port=PORT, port_least=1)
    except ValueError as error:
        raise UsageError(f"{option} {text!r}: {error}") from error


def coordinator_options(workers: int, bind: str, host: str, plan: Plan) -> list[str]:
    """
    Locust's options of a master that waits for N workers.

    Raises:
        UsageError: An option works on one machine only.
    """
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


def run_worker(experiment: LoadExperiment, master: str, key: str, progress: Console) -> ExitCode:
    """
    Serve a master until it releases this worker.

    Args:
        experiment: The worker's own target and directory; the plan comes from the master.
        master: HOST[:PORT].
        key: The API key.
        progress: The console for progress and warnings.

    Raises:
        UsageError: The address or the directory is wrong, or there is no host.
        TargetError: The master was not there, its load had begun, or the worker was killed.
        HarnessError: The load process refused its spec.
    """
    job = experiment.job
    if not job.host:
        raise UsageError("--worker needs --host: the target as this machine reaches it")
    spec = build_spec(experiment, job.host, embedded=False)
    name, port = parse_address(master, "--worker")
    out = job.out
    create_directory(out)
    spec_path, log = out / SPEC_FILE, out / LOG_FILE
    (out / PARTS).mkdir()
    write_atomically(spec_path, msgspec.json.encode(spec))
    command = module_command(LOCUST, "-f", str(job.scenario), "--host", spec.host)
    command += ["--worker", "--master-host", name, "--master-port", str(port)]
    command += ["--loglevel", "ERROR", "--only-summary", "--headless", *job.locust_options]
    progress.print(
        f"joining the master at {name}:{port}, and waiting for the load to begin …",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    signals = SignalHandler()
    starts_ns: list[int] = []
    with signals.installed():
        status = run_load(command, spec_path, log, os.environ, signals, progress, starts_ns.append)
    left_open = close_orphans(out, spec_path, key, progress, embedded=False)
    spec_path.unlink(missing_ok=True)
    failure = _failure(status, log, f"{name}:{port}")
    if not left_open:  # all that is worth keeping is with the master
        discard_directory(out)
    if signals.count:
        return ExitCode.INTERRUPTED
    if failure is not None:
        raise failure
    if not starts_ns:
        raise TargetError("the master's load went by without this worker: it came too late")
    return ExitCode.UNKNOWN if left_open else ExitCode.PASS


def _failure(status: int, log: Path, master: str) -> HarnessError | None:
    """Why a worker's load process ended as it did; None when it ended well."""
    if status in {int(ExitCode.USAGE), int(ExitCode.UNREACHABLE)}:
        return load_error(log, status)
    if status < 0:
        cause = signal.Signals(-status).name
        return TargetError(f"the worker was killed by {cause} before its share was done")
    if status:
        last_message = last_line(log)
        return TargetError(f"the worker ended with {status}: {last_message}; is {master} a master?")
    return None
