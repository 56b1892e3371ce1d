"""
Read a finished trial directory, and write files beside it atomically.

A trial directory is untrusted: version, columns and size of every file are checked, and an error
is one `TrialError` that names the file and what to do. Reading needs no server and no Locust.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from harness.errors import StorageError, TrialError
from harness.json_aliases import add_aliases
from harness.trial.parquet import RECOPY_HINT, read_parquet, shorten_error
from harness.trial.range_checks import check_attempts, check_intervals
from harness.trial.row_filter import UneventfulFilter
from harness.trial.schema import ATTEMPTS, INTERVALS, SCHEMA, Event, Manifest
from harness.trial.untrusted import create_beside, require_plain_entries
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
    """An opened trial directory. Its methods raise TrialError for absent or damaged files."""

    path: Path
    manifest: Manifest

    def attempts_table(
        self,
        columns: Sequence[str] | None = None,
        operations: Collection[str] | None = None,
        phases: Collection[str] | None = None,
    ) -> pa.Table:
        """
        The attempt log: columns of `ATTEMPTS`, one row per attempt, in the file's order.

        None stands for all columns, operations or phases.
        """
        given = {"operation": operations, "phase": phases}
        keep = {column: names for column, names in given.items() if names is not None}
        return self._read_attempts(columns, keep)

    def eventful_attempts(self, columns: Sequence[str]) -> tuple[pa.Table, Mapping[str, int]]:
        """
        Read the eventful attempts (``harness.trial.row_filter``), in the file's order.

        Returns their ``columns``, and the number of uneventful attempts by worker.
        """
        tries = self._read_attempts(["call_id", "attempt"])
        again = tries["call_id"].filter(pc.greater(tries["attempt"], 1)).unique()
        row_filter = UneventfulFilter(again)
        return self._read_attempts(columns, row_filter=row_filter), row_filter.counts

    def _read_attempts(
        self,
        columns: Sequence[str] | None,
        keep: Mapping[str, Collection[str]] | None = None,
        row_filter: UneventfulFilter | None = None,
    ) -> pa.Table:
        path = self.path / ATTEMPTS_FILE
        table = read_parquet(path, ATTEMPTS, columns, keep, row_filter)
        check_attempts(path, table, self.manifest)
        return table

    def intervals_table(self) -> pa.Table:
        """The interval histograms: columns of `INTERVALS`."""
        path = self.path / INTERVALS_FILE
        table = read_parquet(path, INTERVALS)
        check_intervals(path, table, self.manifest)
        return table

    def events(self, kinds: Collection[str] | None = None) -> list[Event]:
        """The events in the file's order, only those of ``kinds`` when given."""
        return [e for e in self.iter_events() if kinds is None or e.kind in kinds]

    def iter_events(self) -> Iterator[Event]:
        """The events one by one, in bounded memory."""
        path = self.path / EVENTS
        decoder = msgspec.json.Decoder(Event)
        try:
            with path.open("rb") as file:
                for number, line in _bounded_lines(file, path):
                    try:
                        yield decoder.decode(line)
                    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                        text = f"{path}, line {number}: not an event ({shorten_error(error)})"
                        raise TrialError(f"{text}; {RECOPY_HINT}") from error
        except OSError as error:
            raise _read_error(path, error) from error

    def findings(self) -> list[Finding]:
        """The checks' findings; empty when they have not run."""
        path = self.path / FINDINGS
        return _decode_document(path, list[Finding]) if path.exists() else []

    def document(self, name: str) -> dict[str, Any] | None:
        """A JSON object of the directory, such as ``rate_limit.json``; None when absent."""
        path = self.path / name
        return _decode_document(path, dict[str, Any]) if path.exists() else None


def open_trial(path: str | os.PathLike[str]) -> Trial:
    """
    Open a trial directory; read only the manifest.

    Raises TrialError for no directory or manifest, a link or special file, or another version.
    """
    directory = Path(path)
    if not directory.is_dir():
        what = "is a file" if directory.exists() else "does not exist"
        raise TrialError(
            f"trial directory {str(directory)!r} {what}; name a directory such as trials/latest"
        )
    file = directory / MANIFEST
    if not file.exists():
        raise TrialError(
            f"{str(directory)!r} is not a trial: it has no {MANIFEST}; name a trial's directory"
        )
    require_plain_entries(directory)
    version = _decode_document(file, dict[str, Any]).get("schema")
    if version != SCHEMA:
        raise TrialError(
            f"{file}: written in schema {version!r}, but this harness reads {SCHEMA}; "
            "use the version of the harness that wrote it"
        )
    return Trial(directory, _decode_document(file, Manifest))


def write_atomically(path: Path, data: bytes) -> Path:
    """
    Write a file completely or not at all: a temporary one beside it, synced, then renamed.

    Creates parent directories; the file is readable as the umask allows. Raises StorageError.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with create_beside(path) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise write_error(path, error) from error
    return path


def write_manifest(trial: Path, manifest: Manifest) -> Path:
    """Write manifest.json as `write_atomically` does."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    return write_atomically(trial / MANIFEST, text + b"\n")


def write_error(path: Path, error: OSError) -> StorageError:
    """The error for a file that could not be written, with what to do."""
    remedy = _REMEDIES.get(error.errno or 0, "make the directory writable")
    reason = os.strerror(error.errno) if error.errno else str(error)
    return StorageError(f"{path}: cannot be written ({reason}); {remedy}")


def write_json(path: Path, value: Any) -> Path:
    """Write JSON, indented, UTF-8, as `write_atomically` does; raises ValueError for NaN."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return write_atomically(path, text.encode() + b"\n")


def _bounded_lines(file: Any, path: Path) -> Iterator[tuple[int, bytes]]:
    for number in range(1, EVENTS_MAX + 2):
        line = file.readline(EVENT_LINE_BYTES_MAX + 1)
        if not line:
            return
        if len(line) > EVENT_LINE_BYTES_MAX:
            raise TrialError(
                f"{path}, line {number}: longer than {EVENT_LINE_BYTES_MAX} bytes; {RECOPY_HINT}"
            )
        if number > EVENTS_MAX:
            break
        yield number, line
    raise TrialError(f"{path}: more than {EVENTS_MAX} events; split the trial into shorter ones")


def _decode_document(path: Path, kind: type[_T]) -> _T:
    try:
        if path.stat().st_size > DOCUMENT_BYTES_MAX:
            raise TrialError(f"{path}: larger than {DOCUMENT_BYTES_MAX} bytes; {RECOPY_HINT}")
        document = msgspec.json.decode(path.read_bytes())
        return msgspec.convert(add_aliases(path.stem, document), kind)
    except OSError as error:
        raise _read_error(path, error) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TrialError(
            f"{path}: not as expected ({shorten_error(error)}); {RECOPY_HINT}"
        ) from error


def _read_error(path: Path, error: OSError) -> TrialError:
    if isinstance(error, FileNotFoundError):
        return TrialError(f"{path} is missing: the trial is not complete; copy it again")
    return TrialError(f"{path}: cannot be read ({error.strerror}); check its permissions")
