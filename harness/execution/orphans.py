"""
Close the sessions that a killed load process left open.

A killed load process leaves its ledger. Another process reads it and closes the sessions.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from rich.console import Console

from harness.client.ledger import read_outstanding
from harness.complaints import complain
from harness.launcher import module_command
from harness.load.spec import SPEC_VARIABLE
from harness.trial.parts import PARTS

SPEC_FILE = "spec.json"
LOG_FILE = "load.log"
CLEANUP_TIMEOUT_S = 120


def close_orphans(
    out: Path, spec_path: Path, key: str, progress: Console, *, embedded: bool
) -> int:
    """Close the sessions that a trial's ledgers list; return how many could not be closed."""
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
        complain(progress, f"{left_open} sessions could not be closed; they may still be open")
    return left_open


def remove_leftovers(out: Path) -> None:
    """Remove the spec, and the load process's log where it is empty."""
    (out / SPEC_FILE).unlink(missing_ok=True)
    log = out / LOG_FILE
    if log.is_file() and log.stat().st_size == 0:
        log.unlink()
