"""
Baselines: kept trials to compare with, small enough for git.

``baselines/NAME/`` holds manifest.json and the measured part of intervals.parquet, so a baseline
opens as a trial without single attempts.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from harness.errors import TrialError, UsageError
from harness.trial.row_filter import is_one_of
from harness.trial.schema import INTERVALS
from harness.trial.store import INTERVALS_FILE, MANIFEST, Trial, open_trial, write_atomically

BASELINES = Path("baselines")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def save_baseline(trial: Trial, name: str, phases: Collection[str], root: Path = BASELINES) -> Path:
    """
    Keep the measured ``phases`` of a finished trial as a baseline; return its directory.

    Raises UsageError if the name is invalid or taken, or the trial is not complete.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name[:80]!r} is not a valid baseline name: use up to 64 letters, digits, dots, "
            "dashes and underscores, the first a letter or digit"
        )
    directory = root / name
    if directory.exists():
        raise UsageError(f"{directory} exists already; remove it or use another name")
    if trial.manifest.state == "interrupted":
        raise UsageError(f"{trial.path}: was interrupted; a baseline needs a complete trial")
    if trial.manifest.state != "complete":
        raise UsageError(f"{trial.path}: not finished; run `harness report {trial.path}` first")
    table = trial.intervals_table()
    kept = table.filter(is_one_of(table["phase"], pa.array(sorted(phases), pa.string())))
    if not kept.num_rows:
        raise UsageError(f"{trial.path}: nothing was measured, so there is no baseline to save")
    buffer = io.BytesIO()
    pq.write_table(kept.cast(INTERVALS), buffer, compression="zstd", compression_level=19)
    write_atomically(directory / INTERVALS_FILE, buffer.getvalue())
    document = msgspec.json.format(msgspec.json.encode(trial.manifest), indent=2)
    write_atomically(directory / MANIFEST, document + b"\n")
    return directory


def read_baselines(root: Path = BASELINES) -> tuple[list[Trial], list[TrialError]]:
    """All readable baselines, oldest trial first, and the errors of the others."""
    return read_trials(root, [MANIFEST])


def read_trials(
    root: Path, files: Collection[str], *, follow_links: bool = True
) -> tuple[list[Trial], list[TrialError]]:
    """
    The trials of a directory, oldest first, and the errors of damaged ones.

    The directory may be absent. Only trials with all of the ``files`` are read.
    """
    found: list[Trial] = []
    damaged: list[TrialError] = []
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        wanted = follow_links or not path.is_symlink()
        if wanted and all((path / name).exists() for name in files):
            try:
                found.append(open_trial(path))
            except TrialError as error:
                damaged.append(error)
    return sorted(found, key=lambda trial: trial.manifest.started_ns), damaged


def find_baseline(name: str, root: Path = BASELINES) -> Path:
    """The directory of a baseline; raises TrialError with the known names if it is absent."""
    if _NAME.fullmatch(name) and (root / name / MANIFEST).exists():
        return root / name
    raise TrialError(f"{root} holds no baseline {name[:80]!r} (known: {_known_names(root)})")


def find_trial(path: Path, root: Path = BASELINES) -> Path:
    """The directory of a trial or of the baseline of that name; raises TrialError for neither."""
    if path.exists():
        return path
    if path.name == str(path) and (root / path / MANIFEST).exists():
        return root / path
    raise TrialError(f"{path}: no such trial or baseline (known: {_known_names(root)})")


def baseline_name(path: Path, root: Path = BASELINES) -> str:
    """The name of the baseline at a path; "" if it is not a baseline."""
    return path.name if path.parent.resolve() == root.resolve() else ""


def _known_names(root: Path) -> str:
    return ", ".join(trial.path.name for trial in read_baselines(root)[0]) or "none"
