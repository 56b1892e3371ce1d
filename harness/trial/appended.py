"""
Several loads in one trial directory: each appends its parts, and the trial is finalized once.

Each load runs with its own ``TrialSpec.load_prefix``, ``first_call_id`` and phase names, into
the same ``out``. While loads may follow, the manifest's state is ``running``, so that a trial
cut off between two loads finalizes as ``interrupted``. The caller ends the trial::

    for step in steps:
        ...  # run a load process
        manifest, attempts = read_load(trial, prefix, phase)
    mark_measured(trial)
    finalize_trial(trial)
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pyarrow as pa

from harness.trial.batches import from_ipc
from harness.trial.parts import ATTEMPTS_SUFFIX, PARTS, file_stem, read_batches
from harness.trial.schema import ATTEMPTS, Manifest
from harness.trial.store import MANIFEST, open_trial, write_manifest


def read_before(trial: Path) -> Manifest | None:
    """The manifest of the loads so far; None before the first one."""
    return open_trial(trial).manifest if (trial / MANIFEST).exists() else None


def append_load(before: Manifest | None, load: Manifest) -> Manifest:
    """The manifest of the trial after one more load; the first load's id and plan stay."""
    state = "running" if load.state == "measured" else load.state
    if before is None:
        return msgspec.structs.replace(load, state=state)
    return msgspec.structs.replace(
        before,
        workers=[*before.workers, *load.workers],
        phases=[*before.phases, *load.phases],
        ended_ns=load.ended_ns,
        state="interrupted" if before.state == "interrupted" else state,
    )


def read_load(trial: Path, prefix: str, phase: str) -> tuple[Manifest, pa.Table]:
    """
    Read one load of a trial that is not finalized yet, by its ``TrialSpec.load_prefix`` and phase.

    Returns the manifest, reduced to the load's workers and its phase (no phase if the load did not
    start), and the load's attempts. Raises TrialError for a damaged file, ValueError for a damaged
    batch.
    """
    manifest = open_trial(trial).manifest
    workers = [worker for worker in manifest.workers if worker.worker.startswith(prefix)]
    phases = [window for window in manifest.phases if window.name == phase]
    ended_ns = max((worker.load_ended_ns for worker in workers), default=manifest.ended_ns)
    started_ns = phases[0].start_ns if phases else ended_ns
    parts = sorted((trial / PARTS).glob(f"{file_stem(prefix)}*{ATTEMPTS_SUFFIX}"))
    tables = [from_ipc(blob, ATTEMPTS) for part in parts for blob in read_batches(part)]
    attempts = pa.concat_tables([ATTEMPTS.empty_table(), *tables]).unify_dictionaries()
    reduced = msgspec.structs.replace(
        manifest, workers=workers, phases=phases, started_ns=started_ns, ended_ns=ended_ns
    )
    return reduced, attempts


def mark_measured(trial: Path) -> None:
    """Record that no more loads follow; an interrupted trial stays interrupted."""
    manifest = open_trial(trial).manifest
    if manifest.state == "running":
        write_manifest(trial, msgspec.structs.replace(manifest, state="measured"))
