"""The trial directory: the interface between measuring and reporting."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.trial.view import TrialView

__all__ = ["open"]


def open(path: str | os.PathLike[str]) -> TrialView:  # noqa: A001  `harness.trial.open` reads well
    """
    Open a finished trial to read it from Python; nothing is written.

    ::

        import harness.trial

        trial = harness.trial.open("trials/latest")
        trial.attempts.groupby("operation")["service_us"].median()

    Raises:
        TrialError: The directory is no finished trial.
    """
    from harness.trial.view import TrialView  # noqa: PLC0415  pandas takes half a second

    return TrialView(path)
