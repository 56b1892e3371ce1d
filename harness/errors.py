"""
Errors that an operator can act on.

::

    HarnessError
    ├── UsageError          exit 2   a wrong option, scenario, SLO expression
    │   ├── PlanError       exit 2   a plan file: says file, line and key
    │   └── TrialError      exit 2   a trial directory that is absent or damaged
    │       └── StorageError  exit 4   the disk is full or gone; written data is kept
    ├── TargetError         exit 3   unreachable host, failed preflight
    ├── NothingObservedError  exit 4   a result without evidence
    ├── ProgramError        exit 4   another program failed, hung, or gave unreadable output
    └── StoppedEarlyError   exit 130 Ctrl-C or SIGTERM before there was anything to keep

Each message is one line: what happened, where, what to do. A bug of the harness is an
assertion or a plain exception, never one of these.
"""

from __future__ import annotations

from harness.exit_codes import ExitCode


class HarnessError(Exception):
    """Base of every error shown to the operator as one line."""

    exit_code = ExitCode.USAGE


class UsageError(HarnessError):
    """The command, an option or an expression is wrong."""


class PlanError(UsageError):
    """A plan file is wrong; the message names file, line and key."""


class TrialError(UsageError):
    """A trial directory is absent, incomplete or damaged."""


class StorageError(TrialError):
    """The disk is full or gone; data written before stays readable."""

    exit_code = ExitCode.UNKNOWN


class TargetError(HarnessError):
    """The target cannot be reached or is not the Opensteer API."""

    exit_code = ExitCode.UNREACHABLE


class NothingObservedError(HarnessError):
    """There is no observation to base a result on."""

    exit_code = ExitCode.UNKNOWN


class ProgramError(HarnessError):
    """Another program failed, hung, or gave unreadable output."""

    exit_code = ExitCode.UNKNOWN


class StoppedEarlyError(HarnessError):
    """Ctrl-C or SIGTERM came before there was anything to keep."""

    exit_code = ExitCode.INTERRUPTED
