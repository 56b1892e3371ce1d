"""
The fault ``restart``: the embedded stand-in is killed in the middle of a trial, and later
started again at the same address, from its state file.

Its own thread of `harness run`, for the proxy knows the target's address only. A kill is a
SIGKILL: what was answered is in the file, and what was under way is lost to its client.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from harness.clock import unix_ns
from harness.errors import HarnessError, StorageError, UsageError
from harness.faults.event_log import EventLog
from harness.faults.spec import RESTART, RestartSpec
from harness.standin.launch import Standin
from harness.trial.parts import EVENTS_SUFFIX, PARTS
from harness.units import NS_PER_S


class Restarter:
    """
    The restarts of one trial.

    Args:
        standin: The embedded stand-in; it has a state file.
        specs: When it goes down, and for how long.
        out: The trial directory: each restart is told among its events.

    Raises:
        UsageError: Two of them overlap.
    """

    def __init__(self, standin: Standin, specs: Sequence[RestartSpec], out: Path) -> None:
        self._standin = standin
        self._specs = sorted(specs, key=lambda spec: spec.from_ns)
        for spec, later in zip(self._specs, self._specs[1:], strict=False):
            if spec.from_ns + spec.for_ns >= later.from_ns:
                raise UsageError("--fault restart: one begins before the one before it ended")
        self._event_log = EventLog(str(out / PARTS / f"restarts{EVENTS_SUFFIX}"), "harness")
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: HarnessError | None = None

    def begin(self, load_start_ns: int) -> None:
        """The load's start: times count from `begun_ns` (Unix ns)."""
        self._thread = threading.Thread(target=self._work, args=(load_start_ns,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """
        Make no further restart; one that is under way is brought to its end.

        Raises:
            HarnessError: The stand-in could not be started again.
        """
        self.cancel()
        if self._error is not None:
            raise self._error

    def cancel(self) -> None:
        """The same, whatever became of the stand-in; twice is once."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._event_log.close()

    def _work(self, load_start_ns: int) -> None:
        try:
            for number, spec in enumerate(self._specs):
                if self._ended.wait(max(0, load_start_ns + spec.from_ns - unix_ns()) / NS_PER_S):
                    return
                self._restart(number, spec)
        except HarnessError as error:
            self._error = error
        except OSError as error:  # a full disk, under its events or its state
            self._error = StorageError(f"the fault restart: {error}")

    def _restart(self, number: int, spec: RestartSpec) -> None:
        settings = {key: value for key, value in spec.to_table().items() if key != "kind"}
        fields = {"fault": RESTART, "number": number}
        self._event_log.append("fault", {**fields, "edge": "start", **settings})
        self._standin.crash()
        # A load that is over must still find its target, to close what it opened.
        self._ended.wait(spec.for_ns / NS_PER_S)
        self._standin.restart()
        self._event_log.append("fault", {**fields, "edge": "end", **settings})
