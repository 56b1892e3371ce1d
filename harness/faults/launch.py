"""
Start the fault proxy or the webhook inbox as a process, and stop it.

Imports no asyncio, uvloop or web framework, so the harness can use it under gevent. The process
ends with its context, on SIGTERM, and when its parent dies.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from harness.clock import unix_ns
from harness.errors import HarnessError, NothingObservedError
from harness.faults.spec import NetworkFault
from harness.launcher import module_command
from harness.subprocesses import terminate_process

_GRACE_S = 5.0
_ACTION_OF_REPLY = {"listening": "start", "begun": "begin"}
"""Key of a reply → the action that it confirms."""


class _FaultProcess:
    """A process that reads a line of JSON as its configuration and reports its URL."""

    def __init__(self, module: str, events_path: Path | None, **config: Any) -> None:
        self._module = module
        self._config = {"events": None if events_path is None else str(events_path), **config}
        self._process: subprocess.Popen[str] | None = None
        self.url = ""  # set by `start`

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def start(self) -> None:
        """
        Start the process and wait until it listens.

        Raises:
            HarnessError: It did not start; the message is its own.
        """
        self._process = subprocess.Popen(
            module_command(self._module, "--config", "-"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C goes to the caller, whose load still needs it
        )
        self.url = str(self._exchange({**self._config, "parent": os.getpid()}, "listening"))

    def begin(self, begun_ns: int | None = None) -> None:
        """Send the start signal: windows count from `begun_ns` (Unix ns), or from now."""
        self._exchange({"begin_ns": unix_ns() if begun_ns is None else begun_ns}, "begun")

    def stop(self) -> None:
        """Stop the process and wait for its end; a second call does nothing."""
        process, self._process = self._process, None
        if process is not None:
            terminate_process(process, _GRACE_S)

    @property
    def has_died(self) -> bool:
        """Whether it ended before `stop`."""
        return self._process is not None and self._process.poll() is not None

    @property
    def pid(self) -> int:
        """The process id; 0 if it does not run."""
        return 0 if self._process is None else self._process.pid

    def _exchange(self, line: Mapping[str, Any], key: str) -> Any:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise HarnessError(f"{self._module} is not running")
        try:
            process.stdin.write(json.dumps(line) + "\n")
            process.stdin.flush()
            reply = json.loads(process.stdout.readline() or "{}")
        except OSError:
            reply = {}
        except ValueError as error:
            reply = {"error": str(error)}
        if key not in reply:
            self.stop()
            why = reply.get("error", "it ended without a message")
            # A failed start is a wrong setting; a process that died makes the trial unknown.
            kind = HarnessError if key == "listening" else NothingObservedError
            raise kind(f"{self._module} did not {_ACTION_OF_REPLY[key]}: {why}")
        return reply[key]


class FaultProxy(_FaultProcess):
    """
    The fault proxy, as a context.

    ::

        with FaultProxy("http://127.0.0.1:8787", specs, seed=7, events_path=path) as proxy:
            ...            # no fault is injected yet: preflight
            proxy.begin()  # windows count from now
            ...            # load goes to proxy.url

    Args:
        upstream: Base URL of the target.
        events_path: The file to append fault events to; None discards them.
    """

    def __init__(
        self,
        upstream: str,
        specs: Sequence[NetworkFault],
        *,
        seed: int = 0,
        events_path: Path | None = None,
    ) -> None:
        faults = [spec.to_table() for spec in specs]
        super().__init__("harness.faults", events_path, upstream=upstream, faults=faults, seed=seed)


class Inbox(_FaultProcess):
    """
    The webhook inbox, as a context.

    Give ``f"{inbox.url}/{tag}"`` and ``inbox.secret`` as a run's webhook.

    Args:
        behaviour: See `harness.faults.spec.InboxBehaviour`.
        events_path: The file to append webhook events to; None discards them.
        secret: The webhook's secret, which is in no artifact; None generates one.
        listen: ``host:port``; None selects a free port of loopback.
    """

    def __init__(
        self,
        *,
        behaviour: Mapping[str, Any] | None = None,
        seed: int = 0,
        events_path: Path | None = None,
        secret: str | None = None,
        listen: str | None = None,
    ) -> None:
        self.secret = secret or f"whsec_{secrets.token_hex(24)}"
        config = {"behaviour": dict(behaviour or {}), "seed": seed, "secret": self.secret}
        if listen is not None:
            config["listen"] = listen
        super().__init__("harness.faults.inbox", events_path, **config)
