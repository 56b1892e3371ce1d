"""
(e) Time and memory to finish, check and report trials of 1 and 10 million attempts.

The trial is synthetic (`benchmarks.history`) and lies there as a generator leaves it.
``harness report`` then finishes, checks and reports it; called again it only checks and
reports. Memory is the process's peak, as the system counts it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.history import write_parts

SIZES = (1_000_000, 10_000_000)
COMMAND = (sys.executable, "-c", "from harness.cli import main; main()")


def run_command(words: list[str], codes: tuple[int, ...] = (0,)) -> tuple[float, float]:
    """Seconds, and peak memory in MiB, of a command that may exit with these codes."""
    began = time.perf_counter()
    process = subprocess.Popen([*COMMAND, *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in codes, process.returncode
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def bench(sizes: tuple[int, ...] = SIZES) -> str:
    """Measure; the section's text."""
    lines = [
        "| attempts | step | seconds | peak memory, MiB |",
        "| ---: | --- | ---: | ---: |",
    ]
    for size in sizes:
        folder = Path(tempfile.mkdtemp(prefix="harness-bench-"))
        try:
            print(f"making a trial of {size:,} attempts …", flush=True)
            written = write_parts(folder, size)
            for step, command in {
                "`harness report`: finish, check, report": "report",
                "`harness report` again: check, report": "report",
                "`harness check`": "check",
            }.items():
                seconds, mib = run_command([command, str(folder)])
                lines.append(f"| {written:,} | {step} | {seconds:.1f} | {mib:,.0f} |")
                print(lines[-1], flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return "\n".join(lines)
