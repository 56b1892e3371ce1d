"""
The stand-in as a context manager: its own process, on loopback.

::

    with Standin(StandinConfig(limiter="token-bucket")) as standin:
        httpx.get(standin.url + "/health")
        standin.truth()["requests"]["health"]["accepted"]  # 1
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import subprocess
import tempfile
import urllib.error
import urllib.request
from typing import IO, Any, Self
from urllib.parse import urlsplit

import msgspec

from harness.addresses import bind_socket
from harness.errors import TargetError
from harness.launcher import module_command
from harness.standin.config import StandinConfig
from harness.subprocesses import reap_process, terminate_process

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Standin:
    """
    A stand-in process, started by the constructor and stopped on exit.

    Raises:
        TargetError: It did not start; the message has its stderr.
    """

    def __init__(
        self, config: StandinConfig | None = None, *, timeout_s: float = START_TIMEOUT_S
    ) -> None:
        self._config = msgspec.structs.replace(config or StandinConfig(), parent_pid=os.getpid())
        self._timeout_s = timeout_s
        self._port_holder: socket.socket | None = None
        self._spawn()

    def _spawn(self) -> None:
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed when it ends
        self._process = subprocess.Popen(
            module_command("harness.standin", "--config", "-"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            start_new_session=True,  # Ctrl-C goes to the caller, which cleans up first
        )
        self.pid = self._process.pid
        try:
            self.url = self._start(msgspec.json.encode(self._config), self._timeout_s)
        except BaseException:
            self.kill()
            raise

    def __enter__(self) -> Self:
        """It already runs."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop it."""
        self.stop()

    def truth(self, *, everything: bool = False) -> dict[str, Any]:
        """The ground truth (`State.describe`); `everything` leaves no list cut."""
        return self._ask("/__truth__" + ("?all" if everything else ""), None)

    def control(self, **changes: Any) -> dict[str, Any]:
        """
        Change settings while it runs; returns all of them.

        Raises:
            ValueError: A setting is unknown, fixed, or its value is wrong.
        """
        return self._ask("/__control__", msgspec.json.encode(changes))

    def stop(self) -> int:
        """Stop it with SIGTERM; returns its exit status."""
        if self._port_holder is not None:
            self._port_holder.close()
        self._stderr.close()
        return terminate_process(self._process, STOP_TIMEOUT_S)

    def kill(self) -> int:
        """Kill it with SIGKILL, as a crash would; returns its exit status."""
        self._process.kill()
        self._stderr.close()
        return reap_process(self._process)

    def crash(self) -> None:
        """
        Kill it with SIGKILL, and reserve its port for `restart`: meanwhile it refuses connections.

        A bound socket reserves the port: no client can get it as its own and connect to itself.
        """
        parts = urlsplit(self.url)
        self.kill()
        host, port = str(parts.hostname), int(parts.port or 0)
        self._config = msgspec.structs.replace(self._config, host=host, port=port)
        self._port_holder = bind_socket(host, port)

    def restart(self) -> None:
        """
        Start it again after `crash` with its old address and state file.

        Raises:
            TargetError: It did not start.
        """
        try:
            self._spawn()
        finally:
            if self._port_holder is not None:
                self._port_holder.close()
                self._port_holder = None

    def _start(self, config: bytes, timeout_s: float) -> str:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it ended: its stderr says why
            stdin.write(config)
            stdin.close()
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            ready = selector.select(timeout_s)
        line = stdout.readline() if ready else b""
        if not line:
            why = f"in {timeout_s:g} s" if not ready else f"and said: {self._stderr_tail()}"
            raise TargetError(f"the stand-in did not start {why}")
        url: str = json.loads(line)["listening"]
        return url

    def _stderr_tail(self) -> str:
        self._process.wait(STOP_TIMEOUT_S)
        self._stderr.seek(0)
        text = self._stderr.read().decode(errors="replace").strip()
        return text[-2000:] or f"nothing (exit status {self._process.returncode})"

    def _ask(self, path: str, body: bytes | None) -> dict[str, Any]:
        request = urllib.request.Request(self.url + path, data=body)  # noqa: S310  our own URL
        try:
            with _opener.open(request, timeout=30) as response:
                found: dict[str, Any] = json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(json.loads(error.read())["error"]) from None
        return found
