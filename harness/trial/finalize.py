"""
Finishing: the parts of a trial become its tables, and the directory becomes whole.

It needs nothing but the directory, so a trial whose load process was killed can be
finished by anybody later. Each file appears complete or not at all, the manifest
last, and the parts go only when everything they hold stands elsewhere.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from harness.errors import StorageError, TrialError
from harness.trial.batches import BUCKETS, from_ipc
from harness.trial.merge import Merger
from harness.trial.parts import (
    ATTEMPTS_SUFFIX,
    BUCKETS_SUFFIX,
    EVENTS,
    EVENTS_SUFFIX,
    INTERNAL_WORKERS,
    PARTS,
    count_batches,
    exclusive_lock,
    file_stem,
    read_batches,
)
from harness.trial.schema import ATTEMPTS, SCHEMA, Event, Manifest, WorkerSummary
from harness.trial.store import (
    ATTEMPTS_FILE,
    INTERVALS_FILE,
    open_trial,
    write_atomically,
    write_error,
    write_manifest,
)

_CHUNK_ROWS = 512 * 1024
_TABLES_AT_ONCE = 100
_GROUP_ROWS_MIN = 16 * 1024
_TIMES = ("call_id", "intended_ns", "start_ns", "end_ns")
_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    # Keys, ids and evidence hardly repeat: a dictionary of them is time for nothing.
    "use_dictionary": [
        field.name
        for field in ATTEMPTS
        if pa.types.is_dictionary(field.type)
        or field.name in {"attempt", "status", "replayed", "retry_after_s", "violation"}
    ],
    "column_encoding": dict.fromkeys(_TIMES, "DELTA_BINARY_PACKED"),
}
"""How attempts.parquet is written; any Parquet reader takes it."""
_DONE = "parts.done"


def finalize_trial(trial: Path) -> Manifest:
    """
    Make the tables of a trial from its parts; a finished one is left as it is.

    Returns:
        The manifest as it now stands.

    Raises:
        TrialError: The directory holds no trial, a part is damaged, or another process
            is still making the trial.
        StorageError: The disk is full; the parts stay, and finishing can be repeated.
    """
    manifest = open_trial(trial).manifest
    shutil.rmtree(trial / _DONE, ignore_errors=True)
    if not (trial / PARTS).is_dir():
        return manifest
    try:
        with exclusive_lock(trial):
            return _finalize(trial, manifest)
    except (OSError, StorageError) as error:
        for temporary in trial.glob("*.tmp"):
            temporary.unlink()
        reason = write_error(trial, error) if isinstance(error, OSError) else error
        raise StorageError(
            f"{reason}; what was measured is kept there: then run harness report {trial}"
        ) from error


def _finalize(trial: Path, manifest: Manifest) -> Manifest:
    # Both are Arrow's and numpy's work for the most part, and that needs no interpreter.
    with ThreadPoolExecutor(1) as other:
        intervals = other.submit(_write_intervals, trial)
        counted, last_ns = _write_attempts(trial)
        intervals.result()
    _write_events(trial)
    manifest = _final_manifest(manifest, counted, last_ns)
    write_manifest(trial, manifest)
    # Whoever is killed while removing must not leave half the parts to be finished anew.
    (trial / PARTS).replace(trial / _DONE)
    shutil.rmtree(trial / _DONE)
    return manifest


def _final_manifest(manifest: Manifest, counted: dict[str, int], last_ns: int) -> Manifest:
    """Say of each worker what was found of it, and of the trial how it ended."""
    ends = {end.worker: end for end in manifest.workers}
    known = {*map(file_stem, ends), *INTERNAL_WORKERS}
    for worker, count in counted.items():
        if worker not in known:
            ends[worker] = WorkerSummary(worker, state="lost", attempts=count)
    workers = [
        end
        if counted.get(file_stem(name), 0) >= end.attempts or end.state == "lost"
        else msgspec.structs.replace(end, state="lost")
        for name, end in sorted(ends.items())
    ]
    # "complete" is what a finishing that was killed before its last step had written.
    measured = manifest.state in {"measured", "complete"}
    whole = measured and all(end.state == "drained" for end in workers)
    return msgspec.structs.replace(
        manifest,
        schema=SCHEMA,
        state="complete" if whole else "interrupted",
        workers=workers,
        # Of a load that never wrote its end, the last answer is the end that is known.
        ended_ns=max(manifest.ended_ns, last_ns)
        if manifest.state == "running"
        else manifest.ended_ns,
    )


def _tables(trial: Path, suffix: str, schema: pa.Schema) -> Iterator[tuple[str, pa.Table]]:
    for path in sorted((trial / PARTS).glob(f"*{suffix}")):
        worker = path.name.removesuffix(suffix)
        # A killed writer may leave one file of the pair a batch longer than the other:
        # the attempts and their histograms must tell of the same ones.
        whole = min(
            count_batches(path.with_name(worker + other))
            for other in (ATTEMPTS_SUFFIX, BUCKETS_SUFFIX)
        )
        for blob in islice(read_batches(path), whole):
            try:
                yield worker, from_ipc(blob, schema)
            except ValueError as error:
                raise TrialError(f"{path}: {error}") from error


def _write_attempts(trial: Path) -> tuple[dict[str, int], int]:
    """(attempts by worker, end of the last one in Unix ns)."""
    counted: dict[str, int] = {}
    last_ns = 0
    target = trial / ATTEMPTS_FILE
    temporary = target.with_suffix(".tmp")
    with (
        pq.ParquetWriter(temporary, ATTEMPTS, **_OPTIONS) as writer,
        ThreadPoolExecutor(1) as other,
    ):
        written: Future[None] | None = None
        for window in _chunks(trial, counted):  # the next is read while this one is written
            last_ns = max(last_ns, pc.max(window["end_ns"]).as_py() or 0)
            if written is not None:
                written.result()
            written = other.submit(_write_groups, writer, window)
        if written is not None:
            written.result()
    _publish(temporary, target)
    return counted, last_ns


def _chunks(trial: Path, counted: dict[str, int]) -> Iterator[pa.Table]:
    """The attempts in tables of some length; counts them by worker."""
    waiting: list[pa.Table] = []
    rows = 0
    for worker, table in _tables(trial, ATTEMPTS_SUFFIX, ATTEMPTS):
        counted[worker] = counted.get(worker, 0) + len(table)
        waiting.append(table)
        rows += len(table)
        if rows >= _CHUNK_ROWS:
            yield _concatenate(waiting)
            waiting, rows = [], 0
    if waiting:
        yield _concatenate(waiting)


def _write_groups(writer: pq.ParquetWriter, table: pa.Table) -> None:
    """
    Write a row group for each operation of which there are many attempts, one for the rest.

    Whoever looks at some operations then need not read the others; within a group
    attempts keep their order.
    """
    codes = pc.fill_null(table["operation"].combine_chunks().indices, -1).to_numpy()
    rest = np.ones(len(codes), np.bool_)
    for code, rows in zip(*np.unique(codes, return_counts=True), strict=True):
        if _GROUP_ROWS_MIN <= rows < len(codes):
            chosen = codes == code
            rest &= ~chosen
            writer.write_table(table.filter(pa.array(chosen)))
    if rest.any():
        writer.write_table(table if rest.all() else table.filter(pa.array(rest)))


def _concatenate(tables: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _write_intervals(trial: Path) -> None:
    merger = Merger()
    for worker, tables in groupby(_tables(trial, BUCKETS_SUFFIX, BUCKETS), itemgetter(0)):
        try:
            while some := [table for _, table in islice(tables, _TABLES_AT_ONCE)]:
                merger.add(_concatenate(some))
        except ValueError as error:
            path = trial / PARTS / f"{worker}{BUCKETS_SUFFIX}"
            raise TrialError(f"{path}: a damaged batch: {error}") from error
    target = trial / INTERVALS_FILE
    temporary = target.with_suffix(".tmp")
    pq.write_table(merger.intervals(), temporary, compression="zstd")
    _publish(temporary, target)


def _publish(temporary: Path, target: Path) -> None:
    """Put a file in its place; on the disk first, for the parts go after it."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(target)


def _write_events(trial: Path) -> None:
    """One file of events in order of time, whoever wrote them; a torn line is left out."""
    path = trial / EVENTS
    lines = list(_timed_lines(path)) if path.is_file() else []
    # A finishing that was killed before its last step has added the others' already.
    told = {line for _, line in lines}
    for part in sorted((trial / PARTS).glob(f"*{EVENTS_SUFFIX}")):
        lines += [timed for timed in _timed_lines(part) if timed[1] not in told]
    lines.sort(key=lambda timed: timed[0])
    write_atomically(path, b"".join(line for _, line in lines))


def _timed_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    decode = msgspec.json.Decoder(Event).decode
    with path.open("rb") as file:
        for line in file:
            try:
                yield decode(line).time_ns, line
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                if line.endswith(b"\n"):
                    raise TrialError(f"{path}: a line that is no event: {line[:80]!r}") from None
