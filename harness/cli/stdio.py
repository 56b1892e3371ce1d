"""
Standard streams that are always open and never stop a load.

A reader that ends early (``| head -1``), a closed terminal or a closed stream changes neither
what a command does nor its exit code; further output is discarded. Results that cannot be
written for another reason (a full disk) are an error, because they would be incomplete.
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
    """Replace the standard streams; open those that are closed."""
    # Else the next file to be opened would become standard output.
    while (number := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(number)
    # A terminal of unknown width; rich would print nothing.
    if os.environ.get("COLUMNS") == "0":
        del os.environ["COLUMNS"]
    sys.stdout = _text(_Stdout(_STDOUT, "w", closefd=False), sys.stdout)
    sys.stderr = _text(_Stderr(_STDERR, "w", closefd=False), sys.stderr)


def _text(raw: io.FileIO, before: TextIO | None) -> TextIO:
    """A stream like the one before (None: closed) that writes ``?`` for what it cannot encode."""
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
        """Write, or discard it if the reader is gone; raises StorageError."""
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
        """Write, or discard it."""
        try:
            return super().write(data)
        except OSError:
            return _discard(self, data)


def _discard(file: io.FileIO, data: ReadableBuffer) -> int:
    """Discard this and all later output; return the number of bytes."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, file.fileno())
    os.close(devnull)
    return memoryview(data).nbytes
