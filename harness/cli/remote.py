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
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console

from harness import addresses
from harness.cli.loading import Interruption, demand_users, last_line, refusal, run_load
from harness.cli.rescue import LOG, SPEC, rescue
from harness.cli.trial_directory import claim, disclaim
from harness.errors import HarnessError, TargetError, UsageError
from harness.exits import Exit
from harness.load.plan import Plan
from harness.load.spec import Spec
from harness.trial.parts import PARTS
from harness.trial.store import write_bytes

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


def master_options(workers: int, bind: str, host: str, plan: Plan) -> list[str]:
    """
    Locust's options of a master that waits for so many workers.

    Raises:
        UsageError: What only one machine can do was asked for.
    """
    if not 1 <= workers <= _WORKERS_MAX:
        raise UsageError(f"--master {workers}: 1 to {_WORKERS_MAX} workers")
    if not host:
        raise UsageError("--master needs --host: the embedded stand-in is of one machine")
    if plan.fault_specs():
        raise UsageError("--master: faults need a proxy on each machine; leave them out")
    demand_users(plan, workers, f"--master {workers}")
    name, port = parse_address(bind, "--bind")
    options = ["--master", "--expect-workers", str(workers)]
    return [*options, "--master-bind-host", name, "--master-bind-port", str(port)]


def work(
    spec: Spec, scenario: Path, master: str, options: Sequence[str], key: str, progress: Console
) -> Exit:
    """
    Serve a master until it lets go.

    Args:
        spec: The worker's own target and directory; the plan comes from the master.
        scenario: The Locust file; the same as the master's.
        master: HOST[:PORT].
        options: Handed on to Locust.
        key: The API key.
        progress: Where complaints go.

    Raises:
        UsageError: The address or the directory is wrong.
        TargetError: The master was not there, its load had begun, or the worker was killed.
        HarnessError: The load process refused its orders.
    """
    name, port = parse_address(master, "--worker")
    out = Path(spec.out)
    claim(out)
    spec_path, log = out / SPEC, out / LOG
    (out / PARTS).mkdir()
    write_bytes(spec_path, msgspec.json.encode(spec))
    command = [sys.executable, "-m", "locust", "-f", str(scenario), "--host", spec.host]
    command += ["--worker", "--master-host", name, "--master-port", str(port)]
    command += ["--loglevel", "ERROR", "--only-summary", "--headless", *options]
    progress.print(
        f"joining the master at {name}:{port}, and waiting for the load to begin …",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    interruption = Interruption()
    starts_ns: list[int] = []
    with interruption.watching():
        status = run_load(
            command, spec_path, log, os.environ, interruption, progress, starts_ns.append
        )
    left = rescue(out, spec_path, key, progress, embedded=False)
    spec_path.unlink(missing_ok=True)
    failure = _failure(status, log, f"{name}:{port}")
    if not left:  # all that is worth keeping is with the master
        disclaim(out)
    if interruption.count:
        return Exit.INTERRUPTED
    if failure is not None:
        raise failure
    if not starts_ns:
        raise TargetError("the master's load went by without this worker: it came too late")
    return Exit.UNKNOWN if left else Exit.PASS


def _failure(status: int, log: Path, master: str) -> HarnessError | None:
    """Why a worker's load process ended as it did; None when it ended well."""
    if status in {int(Exit.USAGE), int(Exit.UNREACHABLE)}:
        return refusal(log, status)
    if status < 0:
        cause = signal.Signals(-status).name
        return TargetError(f"the worker was killed by {cause} before its share was done")
    if status:
        said = last_line(log)
        return TargetError(f"the worker ended with {status}: {said}; is {master} a master?")
    return None
