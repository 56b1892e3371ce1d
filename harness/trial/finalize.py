"""
Finalizing: the parts of a trial become its tables.

It reads only the directory, so a trial whose load process was killed can be finalized later. Each
file appears complete or not at all, the manifest last; then the parts are removed.
"""

from __future__ import annotations

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
    EVENTS,
    INTERVALS_FILE,
    open_trial,
    write_atomically,
    write_error,
    write_manifest,
)
from harness.trial.untrusted import create_beside

_CHUNK_ROWS = 512 * 1024
_TABLES_AT_ONCE = 100
_GROUP_ROWS_MIN = 16 * 1024
_TIMES = ("call_id", "intended_ns", "start_ns", "end_ns")
_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    # Keys, ids and evidence hardly repeat, so a dictionary does not pay.
    "use_dictionary": [
        field.name
        for field in ATTEMPTS
        if pa.types.is_dictionary(field.type)
        or field.name in {"attempt", "status", "replayed", "retry_after_s", "violation"}
    ],
    "column_encoding": dict.fromkeys(_TIMES, "DELTA_BINARY_PACKED"),
}
_DONE = "parts.done"


def finalize_trial(trial: Path) -> Manifest:
    """
    Make the tables of a trial from its parts; a finished trial stays as it is.

    Raises TrialError for no trial, a damaged part, or a process that still writes the trial, and
    StorageError for a full disk; the parts stay, and finalizing can be repeated.
    """
    manifest = open_trial(trial).manifest
    shutil.rmtree(trial / _DONE, ignore_errors=True)
    if not (trial / PARTS).is_dir():
        return manifest
    try:
        with exclusive_lock(trial):
            return _finalize(trial, manifest)
    except (OSError, StorageError) as error:
        reason = write_error(trial, error) if isinstance(error, OSError) else error
        raise StorageError(
            f"{reason}; the measurement is kept: then run `harness report {trial}`"
        ) from error


def _finalize(trial: Path, manifest: Manifest) -> Manifest:
    for name in (ATTEMPTS_FILE, INTERVALS_FILE):
        for stale in trial.glob(f".{name}.*"):  # of a process that was killed while it wrote
            stale.unlink()
    # Both run mostly in Arrow and numpy, without the interpreter lock.
    with ThreadPoolExecutor(1) as other:
        intervals = other.submit(_write_intervals, trial)
        counted, last_ns = _write_attempts(trial)
        intervals.result()
    _write_events(trial)
    manifest = _final_manifest(manifest, counted, last_ns)
    write_manifest(trial, manifest)
    # Rename first: a process killed during removal must not leave half of the parts.
    (trial / PARTS).replace(trial / _DONE)
    shutil.rmtree(trial / _DONE)
    return manifest


def _final_manifest(manifest: Manifest, counted: dict[str, int], last_ns: int) -> Manifest:
    """Set each worker's state by its attempts, and the trial's state by its workers."""
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
    # The state is "complete" if finalizing was killed before its last step.
    measured = manifest.state in {"measured", "complete"}
    complete = measured and all(end.state == "drained" for end in workers)
    ended_ns = manifest.ended_ns
    if manifest.state == "running":  # its end was not written: use the last response
        ended_ns = max(ended_ns, last_ns)
    return msgspec.structs.replace(
        manifest,
        schema=SCHEMA,
        state="complete" if complete else "interrupted",
        workers=workers,
        ended_ns=ended_ns,
    )


def _tables(trial: Path, suffix: str, schema: pa.Schema) -> Iterator[tuple[str, pa.Table]]:
    for path in sorted((trial / PARTS).glob(f"*{suffix}")):
        worker = path.name.removesuffix(suffix)
        # A killed writer may leave one file of the pair a batch longer than the other.
        pair = (path.with_name(worker + other) for other in (ATTEMPTS_SUFFIX, BUCKETS_SUFFIX))
        for blob in islice(read_batches(path), min(map(count_batches, pair))):
            try:
                yield worker, from_ipc(blob, schema)
            except ValueError as error:
                raise TrialError(f"{path}: {error}") from error


def _write_attempts(trial: Path) -> tuple[dict[str, int], int]:
    """(attempts by worker, end of the last one in Unix ns)."""
    counted: dict[str, int] = {}
    last_ns = 0
    with (
        create_beside(trial / ATTEMPTS_FILE) as temporary,
        pq.ParquetWriter(temporary, ATTEMPTS, **_OPTIONS) as writer,
        ThreadPoolExecutor(1) as other,
    ):
        written: Future[None] = other.submit(lambda: None)
        for chunk in _chunks(trial, counted):  # the next is read while this one is written
            last_ns = max(last_ns, pc.max(chunk["end_ns"]).as_py() or 0)
            written.result()
            written = other.submit(_write_groups, writer, chunk)
        written.result()
    return counted, last_ns


def _chunks(trial: Path, counted: dict[str, int]) -> Iterator[pa.Table]:
    """The attempts in tables of bounded length; counts them by worker."""
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
    Write a row group for each operation with many attempts, and one for the rest.

    A reader of some operations then skips the others. Groups keep the order of attempts.
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
    with create_beside(trial / INTERVALS_FILE) as temporary:
        pq.write_table(merger.intervals(), temporary, compression="zstd")


def _write_events(trial: Path) -> None:
    """Write one file of events in order of time; a torn line is left out."""
    path = trial / EVENTS
    lines = list(_timed_lines(path)) if path.is_file() else []
    # If finalizing was killed before its last step, the file has the parts' lines already.
    known = {line for _, line in lines}
    for part in sorted((trial / PARTS).glob(f"*{EVENTS_SUFFIX}")):
        lines += [timed for timed in _timed_lines(part) if timed[1] not in known]
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
                    raise TrialError(
                        f"{path}: a line that is not an event: {line[:80]!r}"
                    ) from None
