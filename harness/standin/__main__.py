"""
``python -m harness.standin --config -``: the configuration as JSON on stdin.

Keys are never arguments, which other users of the machine could read. A wrong configuration
prints one line on stderr and exits with 2; an unavailable address or unusable state file with 3.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from pathlib import Path

import msgspec

from harness.exit_codes import ExitCode
from harness.standin.config import StandinConfig


def main() -> int:
    """Read the configuration and serve."""
    parser = argparse.ArgumentParser(prog="python -m harness.standin", description=__doc__)
    parser.add_argument("--config", default="-", help="JSON file; - reads stdin (default)")
    name = parser.parse_args().config
    try:
        text = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        config = msgspec.json.decode(text or b"{}", type=StandinConfig)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"standin: wrong configuration: {error}\n")
        return ExitCode.USAGE
    from harness.standin.process import run_server  # noqa: PLC0415  slow to import

    try:
        run_server(config)
    except (OSError, sqlite3.Error, msgspec.MsgspecError) as error:
        sys.stderr.write(f"standin: cannot serve: {error}\n")
        return ExitCode.UNREACHABLE
    return ExitCode.PASS


if __name__ == "__main__":
    sys.exit(main())
