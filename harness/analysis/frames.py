"""Read attempts as pandas frames: names are categories, other text is str."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from harness.trial.store import Trial


def read_attempts(
    trial: Trial,
    columns: Sequence[str],
    operations: Collection[str] | None = None,
    *,
    skip_uneventful: bool = False,
) -> tuple[pd.DataFrame, Mapping[str, int]]:
    """
    Read what a check needs: the attempts of some operations (None: all), or all eventful ones.

    Returns the frame in the file's order, and worker → uneventful attempts left out. Raises
    TrialError if the log is absent or damaged.
    """
    uneventful: Mapping[str, int] = {}
    if skip_uneventful:
        table, uneventful = trial.eventful_attempts(columns)
    else:
        table = trial.attempts_table(columns, operations)
    return table.to_pandas(split_blocks=True, self_destruct=True), uneventful
