"""
The command line.

Results go to stdout, progress and warnings to stderr. An error of the operator is one line
and an exit code (`harness.exit_codes.ExitCode`), never a traceback.
"""

from __future__ import annotations

import sys
import traceback

from harness import __version__
from harness.cli.interrupts import exit_on_signals, raise_on_signals

VERSION = f"opensteer-harness {__version__}"


def main() -> None:
    """Entry point of ``harness``."""
    exit_on_signals()  # before slow imports
    from harness.cli.stdio import harden_stdio
    from harness.errors import HarnessError
    from harness.exit_codes import ExitCode
    from harness.text import show_hidden

    harden_stdio()
    if sys.argv[1:] == ["--version"]:  # without importing typer, which takes half the time
        print(VERSION)
        return
    from harness.cli.commands import app
    from harness.cli.lazy import print_usage_error

    try:
        raise_on_signals()
        sys.exit(app(standalone_mode=False))
    except HarnessError as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"harness: {show_hidden(line)}\n")
        sys.exit(int(error.exit_code))
    except MemoryError as error:
        message = f"not enough memory ({error})" if str(error) else "not enough memory"
        sys.stderr.write(f"harness: {message}; free some, or raise its limit, and try again\n")
        sys.exit(int(ExitCode.UNKNOWN))
    except KeyboardInterrupt:
        sys.exit(int(ExitCode.INTERRUPTED))
    except OSError as error:
        # A full disk or a directory without write permission is not a bug.
        sys.stderr.write(f"harness: {error}\n")
        sys.exit(int(ExitCode.USAGE))
    except Exception as error:  # noqa: BLE001  Python would exit with 1, which means "failed"
        if print_usage_error(error):
            sys.exit(int(ExitCode.USAGE))
        sys.stderr.write(traceback.format_exc())
        sys.stderr.write("harness: this is a bug of the harness; please report it\n")
        sys.exit(int(ExitCode.UNKNOWN))
