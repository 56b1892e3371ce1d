"""Run another program within bounds of time and output size."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from harness.errors import ProgramError
from harness.text import one_line

_LINE_MAX = 200
_CHUNK_BYTES = 1 << 16


def run_bounded(
    command: Sequence[str],
    directory: Path,
    environ: Mapping[str, str],
    *,
    limit_s: float,
    bytes_max: int,
) -> bytes:
    """
    Run a program to its end, without input and with this environment only; return its stdout.

    A program that exceeds a bound (``bytes_max`` includes stderr) is killed with all processes it
    started. Raises ProgramError for that, and if it cannot be started or fails.
    """
    try:
        process = subprocess.Popen(
            command, cwd=directory, env=environ, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:
        raise ProgramError(f"cannot be run: {error.strerror}") from error
    until_s = time.monotonic() + limit_s
    with process:
        try:
            stdout, stderr = _read_output(process, until_s, bytes_max)
            status = process.wait(max(until_s - time.monotonic(), 0))
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            raise ProgramError(f"did not end within {limit_s:.0f} s") from error
        finally:
            _kill_group(process)
    if status:
        how = f"ended with {status}" if status > 0 else f"was killed by signal {-status}"
        raise ProgramError(f"{how}: {_last_line(stderr)}")
    return stdout


def printable_line(text: bytes) -> str:
    """Show what another program said, on one line of ours."""
    return one_line(text[: 4 * _LINE_MAX].decode(errors="replace"), _LINE_MAX)


def _read_output(
    process: subprocess.Popen[bytes], until_s: float, bytes_max: int
) -> tuple[bytes, bytes]:
    """All of stdout and stderr."""
    assert process.stdout is not None  # both are pipes
    assert process.stderr is not None
    outputs = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as waiting:
        for pipe in outputs:
            waiting.register(pipe, selectors.EVENT_READ)
        while waiting.get_map():
            left_s = until_s - time.monotonic()
            ready = waiting.select(left_s) if left_s > 0 else ()
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                _read(key.fileobj, outputs, waiting)  # type: ignore[arg-type]  # a pipe of ours
            if sum(map(len, outputs.values())) > bytes_max:
                raise ProgramError(f"printed more than {bytes_max / 1e6:.0f} MB")
    return bytes(outputs[process.stdout]), bytes(outputs[process.stderr])


def _read(
    pipe: IO[bytes], outputs: dict[IO[bytes], bytearray], waiting: selectors.BaseSelector
) -> None:
    if chunk := os.read(pipe.fileno(), _CHUNK_BYTES):
        outputs[pipe] += chunk
    else:
        waiting.unregister(pipe)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill its process group, unless it has ended: then the number may belong to another."""
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _last_line(stderr: bytes) -> str:
    lines = stderr.strip().splitlines()
    return printable_line(lines[-1]) if lines else "it said nothing"
