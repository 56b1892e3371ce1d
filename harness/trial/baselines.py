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
from harness.trial.store import INTERVALS_FILE, MANIFEST, Trial, open_trial, write_atomically

BASELINES = Path("baselines")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def save_baseline(trial: Trial, name: str, phases: Collection[str], root: Path = BASELINES) -> Path:
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
            f"{name[:80]!r} is no name of a baseline: begin with a letter or digit, go on with "
            "letters, digits, dots, dashes and underscores, 64 at most"
        )
    directory = root / name
    if directory.exists():
        raise UsageError(f"{directory} is there already; remove it, or take another name")
    if trial.manifest.state == "interrupted":
        raise UsageError(f"{trial.path}: was interrupted; a baseline is a whole trial")
    if trial.manifest.state != "complete":
        raise UsageError(f"{trial.path}: not finished; run `harness report {trial.path}` first")
    table = trial.intervals_table()
    kept = table.filter(
        pc.is_in(table["phase"].cast(pa.string()), value_set=pa.array(sorted(phases), pa.string()))
    )
    if not kept.num_rows:
        raise UsageError(f"{trial.path}: nothing was measured, so there is nothing to keep")
    buffer = io.BytesIO()
    pq.write_table(kept.cast(INTERVALS), buffer, compression="zstd", compression_level=19)
    write_atomically(directory / INTERVALS_FILE, buffer.getvalue())
    document = msgspec.json.format(msgspec.json.encode(trial.manifest), indent=2)
    write_atomically(directory / MANIFEST, document + b"\n")
    return directory


def find_baselines(root: Path = BASELINES) -> list[Trial]:
    """
    All baselines, oldest trial first.

    What cannot be read is left out; `read_baselines` tells of it.
    """
    return read_baselines(root)[0]


def read_baselines(root: Path = BASELINES) -> tuple[list[Trial], list[TrialError]]:
    """All baselines that can be read, oldest trial first, and what is wrong with the others."""
    return read_trials(root, [MANIFEST])


def read_trials(
    root: Path, files: Collection[str], *, follow_links: bool = True
) -> tuple[list[Trial], list[TrialError]]:
    """
    The trials of a directory, oldest first, and what is wrong with those that are damaged.

    Args:
        root: The directory; none of them where it is not there.
        files: What a trial must have to be looked at.
        follow_links: Look behind symbolic links, too.
    """
    found: list[Trial] = []
    damaged: list[TrialError] = []
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        if (follow_links or not path.is_symlink()) and all(
            (path / name).exists() for name in files
        ):
            try:
                found.append(open_trial(path))
            except TrialError as error:
                damaged.append(error)
    return sorted(found, key=lambda trial: trial.manifest.started_ns), damaged


def find_baseline(name: str, root: Path = BASELINES) -> Path:
    """
    The directory of a baseline.

    Raises:
        TrialError: There is none of that name; the known ones are told.
    """
    if _NAME.fullmatch(name) and (root / name / MANIFEST).exists():
        return root / name
    raise TrialError(f"{root} holds no baseline {name[:80]!r} (known: {_known_names(root)})")


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
    raise TrialError(
        f"{path}: no such trial directory, nor a baseline (known: {_known_names(root)})"
    )


def baseline_name(path: Path, root: Path = BASELINES) -> str:
    """The name of the baseline that a directory is; "" where it is none."""
    return path.name if path.parent.resolve() == root.resolve() else ""


def _known_names(root: Path) -> str:
    return ", ".join(trial.path.name for trial in find_baselines(root)) or "none"
