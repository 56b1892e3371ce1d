"""
Events of a fault process, one JSON object per line, as in events.jsonl (docs/reference/trial.md).

Each line is one append, so a killed process leaves only complete lines.
"""

from __future__ import annotations

import json
import os
from typing import Any

from harness.clock import unix_ns


class EventLog:
    """Appends the events of the process `worker` to a file; a path of None discards them."""

    def __init__(self, path: str | None, worker: str) -> None:
        self._worker = worker
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._file = None if path is None else os.open(path, flags, 0o644)

    def append(self, kind: str, data: dict[str, Any], *, time_ns: int | None = None) -> None:
        """Append one event; `time_ns` defaults to now."""
        if self._file is None:
            return
        event = {
            "time_ns": unix_ns() if time_ns is None else time_ns,
            "kind": kind,
            "worker": self._worker,
            "data": data,
        }
        os.write(self._file, json.dumps(event, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        """Close the file; later events are discarded."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
