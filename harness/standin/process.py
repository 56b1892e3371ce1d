"""The stand-in's process: reports its URL in one line, and ends within 2 s of a signal."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator

import msgspec
import uvicorn
import uvloop

from harness.addresses import bind_socket, format_address
from harness.clock import unix_ns
from harness.standin.api import Api
from harness.standin.browsers.chromium import remove_stale_profiles
from harness.standin.browsers.pool import sessions_that_fit_memory
from harness.standin.config import StandinConfig
from harness.standin.connections import Connection, close_late_requests
from harness.standin.server import StandinApp
from harness.standin.state import State
from harness.standin.state_file import StateFile

_GRACE_S = 1
_PARENT_POLL_S = 0.25


class _Uvicorn(uvicorn.Server):
    """Uvicorn with our signal handling and start message."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Uvicorn would raise the signal again at the end, and change the exit status.
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.end)
        yield

    def end(self) -> None:
        """Accept no connections, answer what is open, and end."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        sys.stdout.write(msgspec.json.encode({"listening": self._url}).decode() + "\n")
        sys.stdout.flush()


def run_server(config: StandinConfig) -> None:
    """
    Serve until SIGTERM, SIGINT, or the parent's end.

    Raises:
        OSError: The address cannot be bound.
        sqlite3.Error: The state file cannot be used.
        msgspec.DecodeError: The state file is not a stand-in's.
    """
    listener = bind_socket(config.host, config.port)
    listener.setblocking(False)  # noqa: FBT003  the standard library's signature
    url = f"http://{format_address(config.host, listener.getsockname()[1])}"
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(config, listener, url))


async def _serve(config: StandinConfig, listener: socket.socket, url: str) -> None:
    if config.browser:
        config = _fit_to_machine(config)
    state_file = StateFile(config.state) if config.state else None
    state = State(config, state_file.count_start() if state_file else 0)
    if state_file is not None:
        state_file.restore(state, unix_ns())
    api = Api(state, state_file)
    app = StandinApp(api)
    server = _Uvicorn(
        uvicorn.Config(
            app, http=Connection, ws="websockets-sansio", ws_ping_interval=None,
            ws_max_size=config.max_body_bytes, ws_per_message_deflate=False,
            lifespan="off", interface="asgi3",
            access_log=False, log_level="critical", server_header=False,
            timeout_graceful_shutdown=_GRACE_S, timeout_keep_alive=300, backlog=2048,
        ),
        url,
    )  # fmt: skip
    for run in state.runs.values():
        api.deliveries.schedule(run)
    watch = asyncio.create_task(_watch_parent(config.parent_pid, server))
    sweeper = asyncio.create_task(
        close_late_requests(server.server_state, config.request_timeout_s)
    )
    gc.freeze()  # objects that exist now stay; the collector need not check them
    try:
        await server.serve([listener])
    finally:
        watch.cancel()
        sweeper.cancel()
        await app.stop()
        await api.deliveries.stop()
        if state_file is not None:
            state_file.commit(state)
            state_file.close()


def _fit_to_machine(config: StandinConfig) -> StandinConfig:
    if shutil.which(config.browser) is None:
        raise FileNotFoundError(
            f"--browser {config.browser}: program not found; install chromium, or name another"
        )
    remove_stale_profiles()
    most = config.max_sessions or sessions_that_fit_memory()
    return msgspec.structs.replace(config, max_sessions=most)


async def _watch_parent(parent_pid: int, server: _Uvicorn) -> None:
    # PR_SET_PDEATHSIG would also fire when only the parent's *thread* ends.
    while parent_pid:
        if os.getppid() != parent_pid:
            server.end()
            return
        await asyncio.sleep(_PARENT_POLL_S)
