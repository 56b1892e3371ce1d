"""
Baselines: trials that were kept to compare with, small enough for git.

``baselines/NAME/`` holds manifest.json and the measured part of intervals.parquet, as in
a trial directory; so a baseline *is* one, for everything that needs no single attempts.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from harness.errors import TrialError, UsageError
from harness.trial.schema import INTERVALS
from harness.trial.store import INTERVALS_FILE, MANIFEST, Trial, open_trial, write_bytes

BASELINES = Path("baselines")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def save_baseline(
    trial: Trial, name: str, phases: Collection[str], root: Path = BASELINES
) -> Path:
    """
    Keep a trial as a baseline.

    Args:
        trial: The finished trial.
        name: A word for it.
        phases: Its measured phases; the others are left out.
        root: The directory of all baselines.

    Returns:
        The baseline's directory.

    Raises:
        UsageError: The name is no good, or taken, or the trial has not ended.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name[:80]!r} is no name of a baseline: use letters, digits, dots, dashes"
        )
    directory = root / name
    if directory.exists():
        raise UsageError(f"{directory} is there already; remove it, or take another name")
    if trial.manifest.state != "complete":
        raise UsageError(f"{trial.path}: {trial.manifest.state}; a baseline is a whole trial")
    table = trial.intervals_table()
    kept = table.filter(
        pc.is_in(
            table["phase"].cast(pa.string()), value_set=pa.array(sorted(phases), pa.string())
        )
    )
    if not kept.num_rows:
        raise UsageError(f"{trial.path}: nothing was measured, so there is nothing to keep")
    buffer = io.BytesIO()
    pq.write_table(kept.cast(INTERVALS), buffer, compression="zstd", compression_level=19)
    write_bytes(directory / INTERVALS_FILE, buffer.getvalue())
    document = msgspec.json.format(msgspec.json.encode(trial.manifest), indent=2)
    write_bytes(directory / MANIFEST, document + b"\n")
    return directory


def find_baselines(root: Path = BASELINES) -> list[Trial]:
    """
    All baselines, oldest trial first.

    Raises:
        TrialError: One of them is damaged.
    """
    if not root.is_dir():
        return []
    found = [open_trial(path) for path in sorted(root.iterdir()) if (path / MANIFEST).exists()]
    return sorted(found, key=lambda trial: trial.manifest.started_ns)


def find_trial(path: Path, root: Path = BASELINES) -> Path:
    """
    The directory of a trial, or of the baseline of that name.

    Raises:
        TrialError: There is neither; the known baselines are told.
    """
    if path.exists():
        return path
    if path.name == str(path) and (root / path / MANIFEST).exists():
        return root / path
    known = ", ".join(trial.path.name for trial in find_baselines(root)) or "none"
    raise TrialError(f"{path}: no such trial directory, nor a baseline (known: {known})")
