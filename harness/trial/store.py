"""
Reading a finished trial directory, and writing beside it without half-written files.

A trial directory may come from another machine, another version or another hand:
every file is checked for version, columns and size before anything is believed,
and whatever is wrong becomes one `TrialError` that names the file and the way out.
Nothing here needs a server, Locust, or the process that measured.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from harness.errors import StorageError, TrialError
from harness.trial.parquet import RECOPY_HINT, RowFilter, read_parquet, shorten_error
from harness.trial.range_checks import check_attempts, check_intervals
from harness.trial.row_filter import UneventfulFilter
from harness.trial.schema import ATTEMPTS, INTERVALS, SCHEMA, Event, Manifest
from harness.verdicts import Finding

MANIFEST = "manifest.json"
ATTEMPTS_FILE = "attempts.parquet"
INTERVALS_FILE = "intervals.parquet"
EVENTS = "events.jsonl"
FINDINGS = "findings.json"

DOCUMENT_BYTES_MAX = 64 << 20
EVENT_LINE_BYTES_MAX = 1 << 20
EVENTS_MAX = 5_000_000

_REMEDIES = {
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room on the disk",
    errno.EMFILE: "allow more open files (ulimit -n)",
    errno.ENFILE: "allow more open files",
}

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Trial:
    """
    A trial directory that was found to be one.

    Attributes:
        path: The directory.
        manifest: What was run; already checked against `SCHEMA`.
    """

    path: Path
    manifest: Manifest

    def attempts_table(
        self,
        columns: Sequence[str] | None = None,
        operations: Collection[str] | None = None,
        phases: Collection[str] | None = None,
    ) -> pa.Table:
        """
        The attempt log: columns of `ATTEMPTS`, one row an attempt, in the file's order.

        Args:
            columns: Which to read, in this order; all when None. Only these are held.
            operations: Keep only these operations; all when None.
            phases: Keep only attempts of these phases; of all when None.

        Raises:
            TrialError: The file is absent, damaged, has other columns, or values that
                no trial can have.
        """
        asked = {"operation": operations, "phase": phases}
        keep = {column: names for column, names in asked.items() if names is not None}
        return self._read_attempts(columns, keep)

    def eventful_attempts(self, columns: Sequence[str]) -> tuple[pa.Table, Mapping[str, int]]:
        """
        Read the eventful attempts (``harness.trial.row_filter``), in the file's order.

        Args:
            columns: Which to read, in this order.

        Returns:
            They, and of each worker how many uneventful ones it made besides.

        Raises:
            TrialError: As `attempts_table` does.
        """
        tries = self._read_attempts(["call_id", "attempt"])
        again = tries["call_id"].filter(pc.greater(tries["attempt"], 1)).unique()
        row_filter = UneventfulFilter(again)
        return self._read_attempts(columns, row_filter=row_filter), row_filter.counts

    def _read_attempts(
        self,
        columns: Sequence[str] | None,
        keep: Mapping[str, Collection[str]] | None = None,
        row_filter: RowFilter | None = None,
    ) -> pa.Table:
        path = self.path / ATTEMPTS_FILE
        table = read_parquet(path, ATTEMPTS, columns, keep, row_filter)
        check_attempts(path, table, self.manifest)
        return table

    def intervals_table(self) -> pa.Table:
        """
        The interval histograms: columns of `INTERVALS`.

        Raises:
            TrialError: The file is absent, damaged, has other columns, or values that
                no trial can have.
        """
        path = self.path / INTERVALS_FILE
        table = read_parquet(path, INTERVALS)
        check_intervals(path, table, self.manifest)
        return table

    def events(self, kinds: Collection[str] | None = None) -> list[Event]:
        """
        The events in the file's order, only those of ``kinds`` when given.

        Raises:
            TrialError: A line is no event (its number is told), or too long.
        """
        return [e for e in self.iter_events() if kinds is None or e.kind in kinds]

    def iter_events(self) -> Iterator[Event]:
        """One event after the other, in bounded memory; raises as `events` does."""
        path = self.path / EVENTS
        decoder = msgspec.json.Decoder(Event)
        try:
            with path.open("rb") as file:
                for number, line in _bounded_lines(file, path):
                    try:
                        yield decoder.decode(line)
                    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                        msg = (
                            f"{path}, line {number}: not an event "
                            f"({shorten_error(error)}); {RECOPY_HINT}"
                        )
                        raise TrialError(msg) from error
        except OSError as error:
            raise _read_error(path, error) from error

    def findings(self) -> list[Finding]:
        """
        What the checks said of this trial; empty when they have not run.

        Raises:
            TrialError: The file is there but holds no list of findings.
        """
        path = self.path / FINDINGS
        if not path.exists():
            return []
        return _decode_document(path, list[Finding])

    def document(self, name: str) -> dict[str, Any] | None:
        """
        A JSON object of the directory, such as ``rate_limit.json``; None when absent.

        Raises:
            TrialError: The file is there but holds no JSON object.
        """
        path = self.path / name
        return _decode_document(path, dict[str, Any]) if path.exists() else None


def open_trial(path: str | os.PathLike[str]) -> Trial:
    """
    Open a finished trial directory.

    Only the manifest is read; tables are read, and checked, when they are asked for.

    Raises:
        TrialError: There is no such directory, it holds no manifest, or it was written
            in another version of the format.
    """
    directory = Path(path)
    if not directory.is_dir():
        what = "is a file" if directory.exists() else "does not exist"
        msg = f"trial directory {str(directory)!r} {what}; name a directory such as trials/latest"
        raise TrialError(msg)
    file = directory / MANIFEST
    if not file.exists():
        msg = f"{str(directory)!r} is no trial: it holds no {MANIFEST}; name a trial's directory"
        raise TrialError(msg)
    version = _decode_document(file, dict[str, Any]).get("schema")
    if version != SCHEMA:
        msg = (
            f"{file}: written in schema {version!r}, but this harness reads {SCHEMA}; "
            "use the version of the harness that wrote it"
        )
        raise TrialError(msg)
    return Trial(directory, _decode_document(file, Manifest))


def write_atomically(path: Path, data: bytes) -> Path:
    """
    Write a file whole or not at all: a temporary one beside it, synced, then renamed.

    Parent directories are made. The result is readable as the umask allows.

    Raises:
        StorageError: The directory cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            # mkstemp makes files private; results are shared like any other file.
            Path(temporary).chmod(0o666 & ~_umask())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise write_error(path, error) from error
    return path


def write_manifest(trial: Path, manifest: Manifest) -> Path:
    """Write manifest.json as `write_atomically` does."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    return write_atomically(trial / MANIFEST, text + b"\n")


def write_error(path: Path, error: OSError) -> StorageError:
    """The error of a file that could not be written, with the way out."""
    remedy = _REMEDIES.get(error.errno or 0, "make the directory writable")
    reason = os.strerror(error.errno) if error.errno else str(error)
    return StorageError(f"{path}: cannot be written ({reason}); {remedy}")


def write_json(path: Path, value: Any) -> Path:
    """
    Write JSON for people and programs: indented, UTF-8, atomic (`write_atomically`).

    Raises:
        StorageError: The directory cannot be written.
        ValueError: The value holds NaN or an infinity, which JSON has no word for.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return write_atomically(path, text.encode() + b"\n")


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _bounded_lines(file: Any, path: Path) -> Iterator[tuple[int, bytes]]:
    for number in range(1, EVENTS_MAX + 2):
        line = file.readline(EVENT_LINE_BYTES_MAX + 1)
        if not line:
            return
        if len(line) > EVENT_LINE_BYTES_MAX:
            msg = f"{path}, line {number}: longer than {EVENT_LINE_BYTES_MAX} bytes; {RECOPY_HINT}"
            raise TrialError(msg)
        if number > EVENTS_MAX:
            break
        yield number, line
    msg = f"{path}: more than {EVENTS_MAX} events; split the trial into shorter ones"
    raise TrialError(msg)


def _decode_document(path: Path, kind: type[_T]) -> _T:
    try:
        if path.stat().st_size > DOCUMENT_BYTES_MAX:
            msg = f"{path}: larger than {DOCUMENT_BYTES_MAX} bytes; {RECOPY_HINT}"
            raise TrialError(msg)
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise _read_error(path, error) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        msg = f"{path}: not as expected ({shorten_error(error)}); {RECOPY_HINT}"
        raise TrialError(msg) from error


def _read_error(path: Path, error: OSError) -> TrialError:
    if isinstance(error, FileNotFoundError):
        return TrialError(f"{path} is missing: the trial was not wholly written or copied")
    return TrialError(f"{path}: cannot be read ({error.strerror}); check its permissions")
