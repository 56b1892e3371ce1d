"""The step from a load to its verdict, which Ctrl-C may cut short and never in silence."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from harness.complaints import complain
from harness.errors import StorageError, TrialError
from harness.exit_codes import ExitCode


def evaluate_measured(
    path: Path, out: Console, progress: Console, *, github: bool = False
) -> ExitCode:
    """
    Judge a trial whose load is over (`harness.assess.evaluate.evaluate_trial`).

    Raises:
        StorageError: What was written a moment ago is not there any more, or damaged.
        KeyboardInterrupt: It was interrupted; where the trial is was said.
    """
    try:
        from harness.assess.evaluate import evaluate_trial

        return evaluate_trial(path, out, progress, github=github)
    except TrialError as error:  # no slip of the operator: this command made the trial
        raise StorageError(f"{error}; did something remove it while it was made?") from error
    except KeyboardInterrupt:
        complain(progress, f"stopped; what was measured is kept: harness report {path}")
        raise
