"""
The command line: the only floor that knows every other, and the only one that exits.

Results go to stdout, progress and complaints to stderr. A mistake of the operator is
one line and the right exit code (`harness.exit_codes.ExitCode`), never a traceback.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from types import FrameType

_INTERRUPTED = 130
"""`harness.exit_codes.ExitCode.INTERRUPTED`, before that can be imported."""


def main() -> None:
    """Entry point of ``harness``."""
    # Until a command is at work there is nothing to keep, and an import is no place for
    # an exception: many a library takes one for a sign that it was not built.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _exit_at_once)
    from harness.cli.commands import COMMANDS, register  # noqa: PLC0415  after the signals
    from harness.cli.stdio import harden_stdio  # noqa: PLC0415
    from harness.errors import HarnessError  # noqa: PLC0415
    from harness.exit_codes import ExitCode  # noqa: PLC0415

    harden_stdio()
    asked = [name for name in sys.argv[1:2] if name in (*COMMANDS, "--version")]
    try:
        command = register([name for name in COMMANDS if not asked or name in asked])
        _install_signal_handlers()
        command()
    except HarnessError as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"harness: {line}\n")
        sys.exit(int(error.exit_code))
    except MemoryError as error:
        message = f"not enough memory ({error})" if str(error) else "not enough memory"
        sys.stderr.write(f"harness: {message}; free some, or lift its limit, and repeat it\n")
        sys.exit(int(ExitCode.UNKNOWN))
    except KeyboardInterrupt:
        sys.exit(int(ExitCode.INTERRUPTED))
    except OSError as error:
        # A full disk, a folder that cannot be written: the operator's world, not a bug.
        sys.stderr.write(f"harness: {error}\n")
        sys.exit(int(ExitCode.USAGE))
    except Exception:  # noqa: BLE001  an interpreter would exit with 1, which is "failed"
        sys.stderr.write(traceback.format_exc())
        sys.stderr.write("harness: that is a fault of the harness; please report it\n")
        sys.exit(int(ExitCode.UNKNOWN))


def _exit_at_once(_signal: int, _frame: FrameType | None) -> None:
    os._exit(_INTERRUPTED)


def _install_signal_handlers() -> None:
    """What ends an ordinary process in the middle ends ours in order, as Ctrl-C does."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    # A terminal that was closed; under nohup it stays ignored.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
