"""
The ledger: the sessions that this process has opened and must close.

A create is entered *before* it is sent, so that neither a lost response nor a killed user makes
a session disappear. It stays outstanding until its effect is known: no session, or which one.
Every entry is appended to a file, so that another process can close the sessions of one that
died. A file that has grown large is rewritten with the outstanding entries alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from harness.errors import TrialError

COMPACT_AT_BYTES = 16 << 20
"""A ledger's file is rewritten at this size, or at twice what its outstanding entries need."""
_LINE_BYTES_MAX = 1 << 20


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    One line of a ledger file.

    Attributes:
        kind: ``intend``: a create is about to be sent. ``settle``: its effect is known.
            ``open``: a session exists. ``close``: it is closed.
        id: The Idempotency-Key (intend, settle) or the session id (open, close).
        body: The body of an intended create, for its idempotent repetition.
    """

    kind: Literal["intend", "settle", "open", "close"]
    id: str
    body: str = ""


class Ledger:
    """
    Open sessions and creates with an unknown effect.

    Attributes:
        open: Ids of sessions that exist, in the order they were opened.
        unconfirmed: Idempotency-Key → body of creates whose effect is unknown.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.open: dict[str, None] = {}
        self.unconfirmed: dict[str, bytes] = {}
        self._encode = msgspec.json.Encoder().encode
        self._path = path
        self._file: BinaryIO | None = path.open("ab", buffering=0) if path else None
        self._bytes, self._bytes_max = 0, COMPACT_AT_BYTES

    def record_intent(self, key: str, body: bytes) -> None:
        """Enter a create that is about to be sent."""
        self.unconfirmed[key] = body
        self._append(Entry("intend", key, body.decode()))

    def record_effect(self, key: str, session_id: str = "") -> None:
        """Enter the effect of a create: the session it opened, or "" for none."""
        if session_id:
            self.open[session_id] = None
            self._append(Entry("open", session_id))
        self.unconfirmed.pop(key, None)
        self._append(Entry("settle", key))

    def close(self, session_id: str) -> None:
        """Enter that a session is closed."""
        self.open.pop(session_id, None)
        self._append(Entry("close", session_id))

    def close_file(self) -> None:
        """Close the file; entries are kept in memory only from now on."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to close."""
        return not (self.open or self.unconfirmed)

    def _append(self, entry: Entry) -> None:
        if self._file is None:
            return
        line = self._encode(entry) + b"\n"
        try:
            complete = self._file.write(line) == len(line)
        except OSError:
            complete = False
        if not complete:
            # A full disk must not keep a session from being closed, so memory continues.
            # Nothing may follow a line that was written in part.
            self.close_file()
            return
        self._bytes += len(line)
        if self._bytes > self._bytes_max:
            self._compact()

    def _compact(self) -> None:
        """Rewrite the file with the outstanding entries; on an error keep the old file."""
        assert self._path is not None
        entries = [Entry("open", session_id) for session_id in self.open]
        entries += [Entry("intend", key, body.decode()) for key, body in self.unconfirmed.items()]
        text = b"".join(self._encode(entry) + b"\n" for entry in entries)
        compacted = self._path.with_suffix(".new")
        try:
            compacted.write_bytes(text)
            with ExitStack() as stack:
                file = stack.enter_context(compacted.open("ab", buffering=0))
                compacted.replace(self._path)
                stack.pop_all()
        except OSError:
            with suppress(OSError):
                compacted.unlink()
            self._bytes_max *= 2
            return
        self.close_file()
        self._file = file
        self._bytes, self._bytes_max = len(text), max(COMPACT_AT_BYTES, 2 * len(text))


def read_outstanding(folder: Path) -> tuple[Ledger, list[str]]:
    """Merge a folder's ledgers (``*.ledger``) in memory, with a message per unreadable file."""
    outstanding, errors = Ledger(), []
    for path in sorted(folder.glob("*.ledger")):
        try:
            ledger = read_ledger(path)
        except TrialError as error:
            errors.append(str(error))
            continue
        outstanding.open.update(ledger.open)
        outstanding.unconfirmed.update(ledger.unconfirmed)
    return outstanding, errors


def read_ledger(path: Path) -> Ledger:
    """Rebuild a ledger without an incomplete last line; raise TrialError if its file is damaged."""
    ledger = Ledger()
    for entry in _entries(path):
        if entry.kind == "intend":
            ledger.unconfirmed[entry.id] = entry.body.encode()
        elif entry.kind == "settle":
            ledger.unconfirmed.pop(entry.id, None)
        elif entry.kind == "open":
            ledger.open[entry.id] = None
        else:
            ledger.open.pop(entry.id, None)
    return ledger


def _entries(path: Path) -> Iterator[Entry]:
    decode = msgspec.json.Decoder(Entry).decode
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_LINE_BYTES_MAX):
            number += 1
            if not line.endswith(b"\n") and len(line) < _LINE_BYTES_MAX:
                return
            try:
                yield decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise TrialError(
                    f"{path}:{number}: no ledger entry ({error}); "
                    "delete the file once its sessions are closed"
                ) from error
