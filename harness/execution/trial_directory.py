"""Create, discard and link a trial's directory."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from harness.client.recorder import Recorder
from harness.errors import UsageError
from harness.trial.batches import attempts_table, bucket_table, to_ipc
from harness.trial.parts import PartWriter
from harness.trial.store import MANIFEST

_ELSEWHERE = "name a directory that can be written"


def create_directory(out: Path) -> None:
    """Create a directory, or use an empty one; raises UsageError."""
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise UsageError(f"--out {out}: exists and is not empty; name a new directory")
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}; {_ELSEWHERE}") from error
    if not os.access(out, os.W_OK):
        raise UsageError(f"--out {out}: cannot be written; {_ELSEWHERE}")


def has_started(out: Path) -> bool:
    """Whether a load process started, so that there is something to keep."""
    return (out / MANIFEST).is_file()


def discard_directory(out: Path) -> None:
    """Remove what can be removed of an incomplete trial."""
    for path in (*sorted(out.rglob("*"), reverse=True), out):
        with suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink()


def link_latest(out: Path) -> None:
    """Make the link ``latest`` beside a trial, unless there is another file of this name."""
    latest = out.parent / "latest"
    if latest.exists() and not latest.is_symlink():
        return
    temporary = out.parent / f".latest-{os.getpid()}"
    try:
        temporary.symlink_to(out.name)
        temporary.replace(latest)
    except OSError:  # a file system without links
        temporary.unlink(missing_ok=True)


def append_own_attempts(out: Path, worker: str, recorder: Recorder) -> None:
    """Add the attempts of this process to the trial."""
    rows = recorder.drain()
    if rows:
        table = attempts_table(rows)
        with PartWriter(out) as writer:
            writer.append(worker, to_ipc(table), to_ipc(bucket_table(table)))
