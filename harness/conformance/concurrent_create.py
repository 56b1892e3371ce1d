"""Send one create several times concurrently, each over its own connection."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from harness.conformance.context import CaseContext, Exchange
from harness.wire import Transport, connect

CONCURRENCY = 4


def create_concurrently(context: CaseContext) -> list[Exchange]:
    """
    Send `CONCURRENCY` creates with one Idempotency-Key, once all connections are open.

    Raises:
        CaseFailedError: One of them got no complete response.
    """
    body, key, barrier = context.session_body(), context.key(), Barrier(CONCURRENCY)
    context.track_create(key, body)

    def create(transport: Transport) -> Exchange:
        barrier.wait()
        return context.call(
            "create_session", body=body, key=key, transport=transport, retry_rate_limited=False
        )

    # The fast wire would wait in one thread's event loop; httpx waits in each thread.
    transports = [connect(context.target, "httpx") for _ in range(CONCURRENCY)]
    try:
        for transport in transports:
            context.call("health", transport=transport)
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            return list(pool.map(create, transports))
    finally:
        for transport in transports:
            transport.close()
