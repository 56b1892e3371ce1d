"""
The state file, which survives a kill -9, in SQLite.

One transaction per response, committed before the response is sent (WAL; synchronous NORMAL, so
a power cut may lose the last ones). Limiters are not stored: a restart resets them.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from harness.standin.cache import CacheKey
from harness.standin.ground_truth import Counters
from harness.standin.idempotency import KeyRecord, KeyScope
from harness.standin.runs import Run
from harness.standin.sessions import Session
from harness.standin.state import State

_TABLES = """
CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, data BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY, id TEXT UNIQUE, data BLOB);
CREATE TABLE IF NOT EXISTS keys (
    number INTEGER PRIMARY KEY, api_key TEXT, key TEXT, data BLOB, UNIQUE (api_key, key));
CREATE TABLE IF NOT EXISTS executions (key TEXT PRIMARY KEY, times INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cache (
    namespace TEXT, origin TEXT, method TEXT, hash TEXT, updated_us INTEGER,
    PRIMARY KEY (namespace, origin, method, hash)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, data BLOB) WITHOUT ROWID;
"""
_PUT_RUN = """
INSERT INTO runs (id, data) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data
"""
_SESSION_COUNTERS = ("created", "closed", "leaked", "lost", "peak_taken", "over_admitted")
_CACHE_COUNTERS = ("inserted", "updated", "skipped")

_encode = msgspec.msgpack.Encoder().encode


class StateFile:
    """The open state file; changes are collected, then committed together."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_TABLES)
        self._pending: list[tuple[str, tuple[Any, ...]]] = []

    def count_start(self) -> int:
        """Count this start of a server; returns the number of earlier ones."""
        row = self._db.execute("SELECT data FROM counters WHERE name = 'starts'").fetchone()
        before = int(row[0]) if row else 0
        self._db.execute("REPLACE INTO counters VALUES ('starts', ?)", (before + 1,))
        return before

    def restore(self, state: State, now_ns: int) -> None:
        """Fill a new state from the file."""
        run_decoder = msgspec.json.Decoder(Run)
        for (data,) in self._db.execute("SELECT data FROM sessions"):
            state.sessions.restore(msgspec.msgpack.decode(data, type=Session), now_ns)
        for (data,) in self._db.execute("SELECT data FROM runs ORDER BY number"):
            run = run_decoder.decode(data)
            state.runs[run.id] = run
        for api_key, key, data in self._db.execute(
            "SELECT api_key, key, data FROM keys ORDER BY number"
        ):
            state.keys.restore((api_key, key), msgspec.msgpack.decode(data, type=KeyRecord))
        state.keys.executions.update(self._db.execute("SELECT key, times FROM executions"))
        for *key, updated_us in self._db.execute("SELECT * FROM cache"):
            namespace, origin, method, digest = key
            state.cache.updated_us[(namespace, origin, method, digest)] = updated_us
        self._restore_counters(state)

    def _restore_counters(self, state: State) -> None:
        rows = dict(self._db.execute("SELECT name, data FROM counters WHERE name != 'starts'"))
        if "tally" in rows:
            state.counters = msgspec.msgpack.decode(rows["tally"], type=Counters)
        for name, owner in (("sessions", state.sessions), ("cache", state.cache)):
            for field, value in msgspec.msgpack.decode(rows.get(name, b"\x80")).items():
                setattr(owner, field, value)
        state.sessions.restore_leaked_slots()

    def put_session(self, session: Session) -> None:
        """Store a session."""
        self._note("REPLACE INTO sessions VALUES (?, ?)", session.id, _encode(session))

    def put_run(self, run: Run) -> None:
        """Store a run."""
        self._note(_PUT_RUN, run.id, msgspec.json.encode(run))

    def put_key(self, scope: KeyScope, record: KeyRecord) -> None:
        """Store a key's response."""
        statement = "REPLACE INTO keys (api_key, key, data) VALUES (?, ?, ?)"
        self._note(statement, *scope, _encode(record))

    def put_execution(self, key: str, times: int) -> None:
        """Store the number of times a key's work was done."""
        self._note("REPLACE INTO executions VALUES (?, ?)", key, times)

    def put_entries(self, entries: dict[CacheKey, int]) -> None:
        """Store the times of cache entries."""
        for key, updated_us in entries.items():
            self._note("REPLACE INTO cache VALUES (?, ?, ?, ?, ?)", *key, updated_us)

    def _note(self, statement: str, *values: Any) -> None:
        self._pending.append((statement, values))

    def commit(self, state: State) -> None:
        """
        Write the changes and the truth's counters in one transaction.

        Raises:
            sqlite3.Error: It cannot be written; the changes are dropped.
        """
        pending, self._pending = self._pending, []
        sessions = {name: getattr(state.sessions, name) for name in _SESSION_COUNTERS}
        cache = {name: getattr(state.cache, name) for name in _CACHE_COUNTERS}
        counters = {"tally": state.counters, "sessions": sessions, "cache": cache}
        self._db.execute("BEGIN")
        try:
            for statement, values in pending:
                self._db.execute(statement, values)
            self._db.executemany(
                "REPLACE INTO counters VALUES (?, ?)",
                [(name, _encode(value)) for name, value in counters.items()],
            )
            self._db.execute("COMMIT")
        except BaseException:  # an open transaction would block every later one
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()
