"""Exit codes of every command: a promise to pipelines, each defined once."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit status of a command."""

    PASS = 0
    """Every promise that was checked holds."""
    FAIL = 1
    """An SLO or an invariant failed."""
    USAGE = 2
    """The command line, the plan, or a file it names is wrong; nothing was sent."""
    UNREACHABLE = 3
    """The target could not be reached, or the preflight failed."""
    UNKNOWN = 4
    """Nothing was observed, or the generator itself was the bottleneck."""
    INTERRUPTED = 130
    """Ctrl-C or SIGTERM; the artifacts were written."""
