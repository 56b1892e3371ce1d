"""Processes of the harness's own: ended in order, and nothing of them left open."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from typing import Any


def terminate_process(process: subprocess.Popen[Any], grace_s: float) -> int:
    """End a process: with SIGTERM, after a time of grace with SIGKILL; its exit status."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
    return reap_process(process)


def reap_process(process: subprocess.Popen[Any]) -> int:
    """Wait for a process that is ending, and close our ends of its pipes; its exit status."""
    status = process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(BrokenPipeError):  # what it was not told any more
                pipe.close()
    return status
