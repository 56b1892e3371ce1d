"""One create several times at the same moment, each over a connection of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from harness.conformance.context import Desk, Heard
from harness.wire import Transport, connect

TIMES = 4


def create_at_once(desk: Desk) -> list[Heard]:
    """
    Ask `TIMES` times at once for one session, under one Idempotency-Key.

    All connections are up before the first request leaves. What they open is closed after
    the check.

    Raises:
        BrokenPromiseError: One of them got no whole answer.
    """
    body, key, gate = desk.session_body(), desk.key(), Barrier(TIMES)
    desk.doubt(key, body)

    def create(via: Transport) -> Heard:
        gate.wait()
        return desk.ask("create_session", body=body, key=key, via=via, patient=False)

    # The fast wire waits in one thread's event loop; these wait in threads.
    wires = [connect(desk.target, "httpx") for _ in range(TIMES)]
    try:
        for via in wires:
            desk.ask("health", via=via)
        with ThreadPoolExecutor(TIMES) as pool:
            return list(pool.map(create, wires))
    finally:
        for via in wires:
            via.close()
