"""
Ctrl-C and SIGTERM: an exception while a command works; during imports the process exits.

Many libraries take an exception during an import as a sign that an optional part is missing.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_INTERRUPTED = 130
"""`harness.exit_codes.ExitCode.INTERRUPTED`, without the import."""
_NUMBERS = (signal.SIGINT, signal.SIGTERM)


def exit_on_signals() -> None:
    """End the process silently on the first signal."""
    for number in _NUMBERS:
        signal.signal(number, _exit)


def raise_on_signals() -> None:
    """Raise KeyboardInterrupt on SIGINT, SIGTERM, and SIGHUP unless that is ignored (nohup)."""
    for number in _NUMBERS:
        signal.signal(number, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))


@contextmanager
def importing() -> Iterator[None]:
    """
    Exit on signals while the block imports what a command needs.

    Commands import when they run, so that help and completion do not wait for pandas.
    """
    before = {number: signal.getsignal(number) for number in _NUMBERS}
    exit_on_signals()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit(_signal: int, _frame: FrameType | None) -> None:
    os._exit(_INTERRUPTED)
