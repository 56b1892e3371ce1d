"""
Rescue: paying the debts of a load process that died.

A process that ends in order closes what it opened. One that was killed leaves its
ledger; then a fresh process reads it and sweeps.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from harness.cli.loading import refusal
from harness.cli.trial_directory import has_begun
from harness.complaints import complain
from harness.ledger import read_debts
from harness.load.spec import SPEC_VARIABLE
from harness.trial.parts import PARTS

SPEC = "spec.json"
LOG = "load.log"
RESCUE_TIMEOUT_S = 120


def rescue(out: Path, spec_path: Path, key: str, progress: Console, *, embedded: bool) -> int:
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
    ledger, damages = read_debts(out / PARTS)
    for damage in damages:
        complain(progress, damage)
    debts = len(ledger.open) + len(ledger.doubtful)
    if not debts:
        return 0
    complain(progress, f"closing {debts} sessions that the load left open")
    environ = {**os.environ, SPEC_VARIABLE: str(spec_path)}
    if not embedded:
        environ["OPENSTEER_API_KEY"] = key
    try:
        done = subprocess.run(
            [sys.executable, "-m", "harness.load.rescue"],
            env=environ,
            timeout=RESCUE_TIMEOUT_S,
            check=False,
            capture_output=True,
        )
        left = int(done.stdout or debts) if done.returncode == 0 else debts
    except (subprocess.TimeoutExpired, ValueError):
        left = debts
    if left:
        complain(progress, f"{left} sessions could not be closed; they may be open still")
    return left


def settle(out: Path, status: int, key: str, progress: Console, *, embedded: bool) -> None:
    """
    After the load process: pass on its refusal, or pay the debts of a dead one.

    Raises:
        HarnessError: It refused its orders, or ended without a trial.
    """
    log = out / LOG
    if not has_begun(out):
        raise refusal(log, status)
    rescue(out, out / SPEC, key, progress, embedded=embedded)
    (out / SPEC).unlink(missing_ok=True)
    if log.is_file() and log.stat().st_size == 0:
        log.unlink()
