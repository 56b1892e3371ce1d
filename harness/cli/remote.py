"""
A trial over several machines: ``harness run --master N`` and, on each of the others,
``harness run --worker HOST[:PORT]``.

The master keeps the trial: plan, records, checks, reports. A worker makes its share of
the load by the master's plan against its own ``--host``, and keeps a ledger of its own,
so that what it opened is closed even if it dies.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console

from harness.cli.loading import Interruption, run_load
from harness.cli.rescue import rescue
from harness.errors import TargetError, UsageError
from harness.exits import Exit
from harness.load.plan import Plan
from harness.load.spec import Spec
from harness.trial.parts import PARTS
from harness.trial.store import write_bytes

PORT = 5557
_WORKERS_MAX = 1000


def parse_address(text: str, option: str, host: str = "") -> tuple[str, int]:
    """
    HOST[:PORT], or [IPv6]:PORT.

    Raises:
        UsageError: It is none; the message names the option.
    """
    name, colon, port = text.rpartition(":")
    if not colon or (name.count(":") and not name.endswith("]")):
        name, port = text, str(PORT)
    name = name.strip("[]") or host
    if not name or any(c.isspace() for c in name) or not port.isdigit():
        raise UsageError(f"{option} {text!r}: write HOST or HOST:PORT")
    if not 0 < int(port) < 65536:
        raise UsageError(f"{option} {text!r}: there is no port {port}")
    return name, int(port)


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
        UsageError: The address is wrong, or the load process refused its orders.
        TargetError: The master was not there.
    """
    name, port = parse_address(master, "--worker")
    out = Path(spec.out)
    (out / PARTS).mkdir(parents=True, exist_ok=True)
    spec_path, log = out / "spec.json", out / "load.log"
    write_bytes(spec_path, msgspec.json.encode(spec))
    command = [sys.executable, "-m", "locust", "-f", str(scenario), "--host", spec.host]
    command += ["--worker", "--master-host", name, "--master-port", str(port)]
    command += ["--loglevel", "ERROR", "--only-summary", "--headless", *options]
    interruption = Interruption()
    with interruption.watching():
        status = run_load(
            command, spec_path, log, os.environ, interruption, progress, lambda _start: None
        )
    left = rescue(out, spec_path, key, progress, embedded=False)
    spec_path.unlink(missing_ok=True)
    if interruption.count:
        return Exit.INTERRUPTED
    if status:
        said = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        text = said[-1].removeprefix("harness: ")[:300] if said else "it said nothing"
        if status in {int(Exit.USAGE), int(Exit.UNREACHABLE)}:
            raise UsageError(text)
        raise TargetError(f"the worker ended with {status}: {text}; is {name}:{port} a master?")
    return Exit.UNKNOWN if left else Exit.PASS
