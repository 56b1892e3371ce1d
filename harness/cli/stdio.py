"""
The standard streams of a command: there in any case, and no reason to stop a load.

A reader that goes early (``| head -1``), a closed terminal or a closed stream changes
neither what a command does nor its exit code: what would have been said goes nowhere.
Results that cannot be written for another reason (a full disk) are an error, since who
reads them would take the beginning for the whole.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from harness.errors import StorageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STDOUT, _STDERR = 1, 2


def harden_stdio() -> None:
    """Open the standard streams that are closed, and let the others never stop a command."""
    # Else the next file that is opened would be standard output, and get what is said there.
    while (number := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(number)
    # A terminal that knows no width; rich would say nothing.
    if os.environ.get("COLUMNS") == "0":
        del os.environ["COLUMNS"]
    sys.stdout = _text(_Stdout(_STDOUT, "w", closefd=False), sys.stdout)
    sys.stderr = _text(_Stderr(_STDERR, "w", closefd=False), sys.stderr)


def _text(raw: io.FileIO, before: TextIO | None) -> TextIO:
    """As the stream before (None: closed), but ``?`` for what its encoding has not."""
    terminal = raw.isatty()
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=before.encoding if before else "utf-8",
        errors="replace",
        line_buffering=terminal or raw.fileno() == _STDERR,
    )


class _Stdout(io.FileIO):
    """Standard output."""

    def write(self, data: ReadableBuffer, /) -> int:
        """
        Write, or pass over it when the reader is gone.

        Raises:
            StorageError: It cannot be written; what follows goes nowhere.
        """
        try:
            return super().write(data)
        except BrokenPipeError:
            return _discard(self, data)
        except OSError as error:
            _discard(self, data)
            raise StorageError(
                f"standard output cannot be written ({error.strerror}); the results are cut off"
            ) from error


class _Stderr(io.FileIO):
    """Standard error."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, or pass over it: a load does not end for want of a place to tell of it."""
        try:
            return super().write(data)
        except OSError:
            return _discard(self, data)


def _discard(file: io.FileIO, data: ReadableBuffer) -> int:
    """Let this and all that follows go nowhere; how much was "written"."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, file.fileno())
    os.close(devnull)
    return memoryview(data).nbytes
