"""End our own child processes and close their pipes."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from typing import Any


def terminate_process(process: subprocess.Popen[Any], grace_s: float) -> int:
    """Send SIGTERM, and SIGKILL after the grace period; return the exit status."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
    return reap_process(process)


def reap_process(process: subprocess.Popen[Any]) -> int:
    """Wait for a process that is ending, and close its pipes; return the exit status."""
    status = process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(BrokenPipeError):  # unread input
                pipe.close()
    return status
