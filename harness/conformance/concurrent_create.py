"""One create several times at the same moment, each over a connection of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from harness.conformance.context import CaseContext, Exchange
from harness.wire import Transport, connect

CONCURRENCY = 4


def create_concurrently(context: CaseContext) -> list[Exchange]:
    """
    Ask `CONCURRENCY` times at once for one session, under one Idempotency-Key.

    All connections are up before the first request leaves. What they open is closed after
    the check.

    Raises:
        BrokenPromiseError: One of them got no whole answer.
    """
    body, key, gate = context.session_body(), context.key(), Barrier(CONCURRENCY)
    context.track_create(key, body)

    def create(transport: Transport) -> Exchange:
        gate.wait()
        return context.call(
            "create_session", body=body, key=key, transport=transport, retry_rate_limited=False
        )

    # The fast wire waits in one thread's event loop; these wait in threads.
    wires = [connect(context.target, "httpx") for _ in range(CONCURRENCY)]
    try:
        for transport in wires:
            context.call("health", transport=transport)
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            return list(pool.map(create, wires))
    finally:
        for transport in wires:
            transport.close()
