"""
The events that a fault process tells, one JSON object a line.

The lines are those of the trial's events.jsonl (``docs/reference/trial.md``): ``time_ns``,
``kind``, ``worker``, ``data``. Each is one append, so that a process that is killed
leaves whole lines behind.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from harness.clock import unix_ns


class EventLog:
    """
    Appends events to a file.

    Args:
        path: The file; None to tell nobody.
        worker: Which process tells.
    """

    def __init__(self, path: str | None, worker: str) -> None:
        self._worker = worker
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._file = None if path is None else os.open(Path(path), flags, 0o644)

    def append(self, kind: str, data: dict[str, Any], *, time_ns: int | None = None) -> None:
        """Append one event; `time_ns` is now unless it is given."""
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
        """Close the file; telling afterwards is silent."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
