"""
Sessions with real browsers, some of them killed in between: what is left afterwards.

::

    python -m benchmarks.browsers 200
"""

from __future__ import annotations

import shutil
import signal
import sys
import time
from typing import Any, NamedTuple

import websocket

from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from tests.standin.browsers.leftovers import (
    browsers_of,
    descriptors_of,
    folders_of,
    main_process,
    nothing_is_left,
    wait_until,
)
from tests.standin.conftest import ApiClient

CHROMIUM = shutil.which("chromium") or ""
KILLED_EVERY = 5


class Left(NamedTuple):
    """What was done, and what is left after it."""

    sessions: int
    killed: int
    processes: int
    folders: int
    descriptors_more: int
    sessions_open: int
    seconds: float


def churn(sessions: int) -> Left:
    """Open, use and delete sessions one after the other; kill every fifth one's browser."""
    began, killed = time.monotonic(), 0
    with Standin(StandinConfig(browser=CHROMIUM, max_sessions=1)) as standin:
        client = ApiClient(standin)
        _use(client, kill=False)  # what is loaded once is loaded now
        assert nothing_is_left(standin.pid)
        before = descriptors_of(standin.pid)
        for number in range(sessions):
            kill = number % KILLED_EVERY == KILLED_EVERY // 2
            killed += kill
            _use(client, kill=kill)
            if sys.stdout.isatty():
                sys.stdout.write(f"\r{number + 1} of {sessions}")
                sys.stdout.flush()
        nothing_is_left(standin.pid)
        wait_until(lambda: descriptors_of(standin.pid) <= before, 5.0)
        left = Left(
            sessions, killed, len(browsers_of(standin.pid)), len(folders_of(standin.pid)),
            descriptors_of(standin.pid) - before, standin.truth()["sessions"]["open"],
            time.monotonic() - began,
        )  # fmt: skip
        client.http.close()
    return left


def _use(client: ApiClient, *, kill: bool) -> None:
    made = client.create().json()
    action, cdp = _dial(made, "action"), _dial(made, "cdp")
    cdp.send('{"id":1,"method":"Browser.getVersion"}')
    assert '"id":1' in cdp.recv()
    if kill:
        main_process(client.standin.pid).send_signal(signal.SIGKILL)
        for socket in (action, cdp):
            opcode, data = socket.recv_data(control_frame=True)
            assert (websocket.ABNF.OPCODE_CLOSE, 1011) == (opcode, int.from_bytes(data[:2]))
    assert 204 == client.delete(made["sessionId"]).status_code
    for socket in (action, cdp):
        socket.shutdown()


def _dial(made: dict[str, Any], kind: str) -> websocket.WebSocket:
    url = f"{made[f'{kind}WsUrl']}?token={made[f'{kind}Token']}"
    return websocket.create_connection(url, timeout=20)


if __name__ == "__main__":
    if not CHROMIUM:
        sys.exit("churn: there is no chromium here; install it (make test-deps)")
    left = churn(int(sys.argv[1]))
    sys.stdout.write(f"\n{left}\n")
    sys.exit(any((left.processes, left.folders, left.sessions_open)) or left.descriptors_more > 0)
