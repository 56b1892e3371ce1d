"""
The fault ``restart``: kill the embedded stand-in during a trial, and start it again later.

It restarts at the same address from its state file. This runs in a thread of `harness run`,
because the fault proxy does not know the process. The kill is a SIGKILL: answered requests are
in the state file, and requests in progress are lost.
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
    The restarts of one trial, whose events go to its directory.

    Raises:
        UsageError: Two of them overlap.
    """

    def __init__(self, standin: Standin, specs: Sequence[RestartSpec], out: Path) -> None:
        self._standin = standin
        self._specs = sorted(specs, key=lambda spec: spec.from_ns)
        for spec, later in zip(self._specs, self._specs[1:], strict=False):
            if spec.from_ns + spec.for_ns >= later.from_ns:
                raise UsageError("--fault restart: one begins before the previous one ends")
        self._event_log = EventLog(str(out / PARTS / f"restarts{EVENTS_SUFFIX}"), "harness")
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: HarnessError | None = None

    def begin(self, load_start_ns: int) -> None:
        """Start; the times of the specs count from here (Unix ns)."""
        self._thread = threading.Thread(target=self._work, args=(load_start_ns,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """
        Make no further restart, and finish one in progress.

        Raises:
            HarnessError: The stand-in could not be started again.
        """
        self.cancel()
        if self._error is not None:
            raise self._error

    def cancel(self) -> None:
        """Do the same without raising; may be called again."""
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
        except OSError as error:  # a full disk
            self._error = StorageError(f"the fault restart: {error}")

    def _restart(self, number: int, spec: RestartSpec) -> None:
        settings = {key: value for key, value in spec.to_table().items() if key != "kind"}
        fields = {"fault": RESTART, "number": number}
        self._event_log.append("fault", {**fields, "edge": "start", **settings})
        self._standin.crash()
        # Restart also after the load, which must close its sessions.
        self._ended.wait(spec.for_ns / NS_PER_S)
        self._standin.restart()
        self._event_log.append("fault", {**fields, "edge": "end", **settings})
