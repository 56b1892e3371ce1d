"""
Rescue: paying the debts of a load process that died.

A process that ends in order closes what it opened. One that was killed leaves its
ledger; then a fresh process reads it and sweeps.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from rich.console import Console

from harness.client.ledger import read_outstanding
from harness.complaints import complain
from harness.execution.load_process import load_error
from harness.execution.trial_directory import has_started
from harness.launcher import module_command
from harness.load.spec import SPEC_VARIABLE
from harness.trial.parts import PARTS

SPEC_FILE = "spec.json"
LOG_FILE = "load.log"
CLEANUP_TIMEOUT_S = 120


def close_orphans(
    out: Path, spec_path: Path, key: str, progress: Console, *, embedded: bool
) -> int:
    """
    Close what the ledgers of a trial still hold.

    Args:
        out: The trial directory, with its parts.
        spec_path: Its spec, as the load process read it.
        key: The API key; handed on through the environment.
        progress: Gets a line when there is something to do.
        embedded: Whether the target is the embedded stand-in.

    Returns:
        How many sessions could not be closed.
    """
    ledger, errors = read_outstanding(out / PARTS)
    for error in errors:
        complain(progress, error)
    outstanding = len(ledger.open) + len(ledger.unconfirmed)
    if not outstanding:
        return 0
    complain(progress, f"closing {outstanding} sessions that the load left open")
    environ = {**os.environ, SPEC_VARIABLE: str(spec_path)}
    if not embedded:
        environ["OPENSTEER_API_KEY"] = key
    try:
        done = subprocess.run(
            module_command("harness.load.cleanup_process"),
            env=environ,
            timeout=CLEANUP_TIMEOUT_S,
            check=False,
            capture_output=True,
        )
        left_open = int(done.stdout or outstanding) if done.returncode == 0 else outstanding
    except (subprocess.TimeoutExpired, ValueError):
        left_open = outstanding
    if left_open:
        complain(progress, f"{left_open} sessions could not be closed; they may be open still")
    return left_open


def finish_load(out: Path, status: int, key: str, progress: Console, *, embedded: bool) -> None:
    """
    After the load process: pass on its refusal, or pay the debts of a dead one.

    Raises:
        HarnessError: It refused its orders, or ended without a trial.
    """
    log = out / LOG_FILE
    if not has_started(out):
        raise load_error(log, status)
    close_orphans(out, out / SPEC_FILE, key, progress, embedded=embedded)
    (out / SPEC_FILE).unlink(missing_ok=True)
    if log.is_file() and log.stat().st_size == 0:
        log.unlink()
