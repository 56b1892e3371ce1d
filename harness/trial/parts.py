"""
Parts: the crash-proof form of a running trial.

Under ``parts/`` each generator process has one append-only file of attempts and one of interval
buckets: a sequence of length-prefixed batches, each a self-contained Arrow stream. After a crash
all complete batches can be read; a torn last one is skipped.

Writers hold a shared lock on the folder, finalizing takes an exclusive one, so a trial cannot be
finalized while it is written. A process's locks end with it.
"""

from __future__ import annotations

import fcntl
import os
import re
import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Self

import msgspec

from harness.errors import TrialError
from harness.trial.schema import Event
from harness.trial.store import EVENTS

PARTS = "parts"
ATTEMPTS_SUFFIX = ".attempts"
BUCKETS_SUFFIX = ".buckets"
EVENTS_SUFFIX = ".events"
PREFLIGHT = "preflight"
CLEANUP_PROCESS = "rescue"
INTERNAL_WORKERS = frozenset({PREFLIGHT, CLEANUP_PROCESS})
"""Workers that are not generators: they write no summary."""

_LENGTH = struct.Struct("<Q")
_BATCH_BYTES_MAX = 1 << 30
_ENCODE = msgspec.json.Encoder()


class PartWriter:
    """
    Appends the batches and events of a running trial.

    One process writes: the local one, or the coordinator for its workers. Each method raises
    OSError when the disk is full or gone; what was written stays readable.
    """

    def __init__(self, trial: Path) -> None:
        self._parts = trial / PARTS
        self._files: dict[str, BinaryIO] = {}
        self._stack = ExitStack()
        self._stack.enter_context(shared_lock(trial))
        self._events = self._stack.enter_context((trial / EVENTS).open("ab"))

    def append(self, worker: str, attempts: bytes, buckets: bytes) -> None:
        """Append one batch of a worker: both tables from `batches.to_ipc`."""
        self._write(file_stem(worker) + ATTEMPTS_SUFFIX, attempts)
        self._write(file_stem(worker) + BUCKETS_SUFFIX, buckets)

    def event(self, event: Event) -> None:
        """Append one line to events.jsonl."""
        self._events.write(_ENCODE.encode(event) + b"\n")

    def flush(self) -> None:
        """Flush everything to the operating system."""
        for file in (*self._files.values(), self._events):
            file.flush()

    def close(self) -> None:
        """Flush and close all files, even if one fails."""
        self._stack.close()

    def _write(self, name: str, blob: bytes) -> None:
        file = self._files.get(name)
        if file is None:
            opened = (self._parts / name).open("ab")
            file = self._files[name] = self._stack.enter_context(opened)
        file.write(_LENGTH.pack(len(blob)) + blob)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def shared_lock(trial: Path) -> AbstractContextManager[None]:
    """Lock the parts of a trial (created if absent) against finalizing."""
    (trial / PARTS).mkdir(parents=True, exist_ok=True)
    return _lock(trial, fcntl.LOCK_SH)


def exclusive_lock(trial: Path) -> AbstractContextManager[None]:
    """Lock the parts of a trial to finalize it; raises TrialError while a process writes them."""
    return _lock(trial, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def _lock(trial: Path, operation: int) -> Iterator[None]:
    folder = os.open(trial / PARTS, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, operation)
        except BlockingIOError as error:
            raise TrialError(
                f"{trial}: another process still writes it; wait until that ends"
            ) from error
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(folder)


def count_batches(path: Path) -> int:
    """Complete batches of a part file; 0 when absent. Raises as `read_batches`."""
    if not path.is_file():
        return 0
    size, count = path.stat().st_size, 0
    with path.open("rb") as file:
        while (length := _next_length(file, path)) is not None:
            if file.tell() + length > size:
                break
            file.seek(length, os.SEEK_CUR)
            count += 1
    return count


def file_stem(worker: str) -> str:
    """A worker's name as part of a file name."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", worker)[:100]


def read_batches(path: Path) -> Iterator[bytes]:
    """
    The complete batches of one part file; a torn last batch ends the iteration.

    Raises TrialError for a length out of range: the file is damaged, not torn.
    """
    with path.open("rb") as file:
        while (length := _next_length(file, path)) is not None:
            blob = file.read(length)
            if len(blob) < length:
                return
            yield blob


def _next_length(file: BinaryIO, path: Path) -> int | None:
    """The length of the next batch; None at the end of the file."""
    head = file.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    length: int = _LENGTH.unpack(head)[0]
    if length > _BATCH_BYTES_MAX:
        raise TrialError(
            f"{path}: damaged at byte {file.tell()}: a batch of {length} bytes; "
            "restore it from a copy"
        )
    return length
