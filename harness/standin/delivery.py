"""
Webhooks: each finished run's event, delivered at least once, with a limited number of tries.

A try whose response is lost is repeated with the same event id. Only loopback addresses are
called unless the configuration says otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx

from harness.addresses import is_loopback
from harness.clock import unix_ns
from harness.standin import response_bodies
from harness.standin.ground_truth import increment
from harness.standin.runs import Run
from harness.standin.state import State
from harness.units import NS_PER_MS, NS_PER_S

_CONCURRENCY_MAX = 100  # as many connections as httpx keeps
_ANSWER_BYTES_MAX = 64 * 1024


class WebhookSender:
    """Delivers the events of one server's runs; `changed` gets a run after each try."""

    def __init__(self, state: State, changed: Callable[[Run], None]) -> None:
        self._state = state
        self._changed = changed
        self._clients: dict[bool, httpx.AsyncClient] = {}
        self._slots = asyncio.Semaphore(_CONCURRENCY_MAX)
        self._tasks: set[asyncio.Task[None]] = set()

    def schedule(self, run: Run) -> None:
        """Deliver the run's event when it ends, unless that is settled."""
        if run.settled:
            return
        task = asyncio.get_running_loop().create_task(self._deliver(run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Cancel every delivery."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in self._clients.values():
            await client.aclose()

    async def _deliver(self, run: Run) -> None:
        await asyncio.sleep(max(0.0, (run.finished_ns - unix_ns()) / NS_PER_S))
        event = self._choose_event(run)
        if event is not None:
            await self._try_until_taken(run, event)
        run.settled = True
        self._changed(run)

    def _choose_event(self, run: Run) -> str | None:
        state, webhook = self._state, run.webhook
        event = response_bodies.EVENT_OF_STATUS.get(run.final)
        if webhook is None or event is None:
            return None
        if event not in webhook.events:
            return event if state.lies("delivers_for_unsubscribed") else None
        if run.tries == 0:
            increment(state.counters.deliveries, "due")
        if not state.settings.config.webhook_any_host and not _is_loopback(webhook.url):
            increment(state.counters.deliveries, "blocked")
            return None
        if state.lies("loses_delivery"):
            increment(state.counters.deliveries, "lost")
            return None
        return event

    async def _try_until_taken(self, run: Run, event: str) -> None:
        counters, config = self._state.counters, self._state.settings.config
        event_id = "evt_" + run.id.removeprefix("run_")
        body = response_bodies.webhook_body(event_id, event, run, unix_ns() // NS_PER_MS)
        while run.tries < config.webhook_tries:
            if run.tries:
                await asyncio.sleep(config.webhook_backoff_s * 2 ** (run.tries - 1))
            async with self._slots:  # a try begins when it is sent
                run.tries += 1
                increment(counters.deliveries, "attempted")
                run.delivered = await self._post(run, body)
            if run.delivered:
                increment(counters.deliveries, "delivered")
                return
            self._changed(run)
        increment(counters.deliveries, "given_up")

    async def _post(self, run: Run, body: bytes) -> bool:
        state, webhook = self._state, run.webhook
        assert webhook is not None
        secret = webhook.secret
        if state.lies("signs_wrongly"):
            secret += "-forged"
        headers = {
            "content-type": "application/json",
            response_bodies.SIGNATURE_HEADER: response_bodies.sign_webhook(
                secret, unix_ns() // NS_PER_S, body
            ),
        }
        # httpx bounds each read; this bounds the entire try.
        timeout_s = state.settings.config.webhook_timeout_s
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._client().stream(
                    "POST", webhook.url, content=body, headers=headers, timeout=timeout_s
                ) as response,
            ):
                await _drain(response)
                return response.is_success
        except Exception:  # noqa: BLE001  an untrusted receiver may cause any
            return False

    def _client(self) -> httpx.AsyncClient:
        # On loopback certificates are self-signed; loading the usual ones takes 35 ms,
        # which would delay measured requests.
        verify = self._state.settings.config.webhook_any_host
        client = self._clients.get(verify)
        if client is None:
            client = self._clients[verify] = httpx.AsyncClient(trust_env=False, verify=verify)
        return client


async def _drain(response: httpx.Response) -> None:
    """Read a short body to its end, so that the connection can be reused."""
    size_bytes = 0
    async for piece in response.aiter_raw():
        size_bytes += len(piece)
        if size_bytes > _ANSWER_BYTES_MAX:
            return


def _is_loopback(url: str) -> bool:
    try:
        return is_loopback(httpx.URL(url).host)
    except httpx.InvalidURL:
        return False
