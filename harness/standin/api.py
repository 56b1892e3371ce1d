"""
The path of a request, from its key to its response.

::

    route ─ 404, 405 ─► key ─ 401 ─► limiter ─ 429 ─► injected failure ─ CODE ─►
    body ─ 400, 409 ─► Idempotency-Key ─ replay, 409, 422 ─► latency ─►
    the work (capacity 503, 404, 410, …) ─► response

An injected failure takes the operation's latency and does no work, except for a share of
CLOUD_TIMEOUT (``timeout_after_effect``), which is sent after the work. The health check needs no
key and has no limit. Only 2xx responses are kept for an Idempotency-Key.
"""

from __future__ import annotations

import asyncio
import hashlib

from harness.clock import unix_ns
from harness.standin.codes import LAUNCH_FAILURES
from harness.standin.delivery import WebhookSender
from harness.standin.handlers import Handlers
from harness.standin.idempotency import KeyConflict, KeyRecord
from harness.standin.limits import Decision
from harness.standin.messages import Request, Response, plain_error_response
from harness.standin.request_models import READERS, CreateSession, Import, Problem, QueueRun
from harness.standin.retry_after import format_retry_after
from harness.standin.runs import Run
from harness.standin.service_queue import ServiceQueue, Stall
from harness.standin.settings import to_ns
from harness.standin.state import State
from harness.standin.state_file import StateFile
from harness.units import NS_PER_S

_KEY_HASHES_MAX = 10_000  # cached, so that each key is hashed once
_KEY_CONFLICT_MESSAGES = {
    KeyConflict.ANOTHER_REQUEST: "this Idempotency-Key was used with another request",
    KeyConflict.IN_FLIGHT: "the first request with this Idempotency-Key is in progress",
}


class Api:
    """The API over one state; `serve` answers one request."""

    def __init__(self, state: State, state_file: StateFile | None = None) -> None:
        self.state = state
        self.state_file = state_file
        self.deliveries = WebhookSender(state, self._run_changed)
        self.handlers = Handlers(state, state_file, self.deliveries.schedule)
        self._key_hashes: dict[bytes, str] = {}
        self._start_ns = unix_ns()
        self._workers = 0
        self._queue: ServiceQueue | None = None
        self.apply_settings()

    def apply_settings(self) -> None:
        """Rebuild what depends on the settings."""
        config = self.state.settings.config
        if config.workers != self._workers:  # else busy workers stay busy
            self._workers = config.workers
            self._queue = ServiceQueue(config.workers) if config.workers else None
        self.stall = Stall(self._start_ns, to_ns(config.stall_period_s), to_ns(config.stall_s))

    def authenticate(self, key: bytes) -> str:
        """The hash of an accepted API key; "" for any other."""
        known = self._key_hashes.get(key)
        if known is not None and not self.state.settings.api_keys:
            return known
        if not key or (self.state.settings.api_keys and key not in self.state.settings.api_keys):
            return ""
        if len(self._key_hashes) >= _KEY_HASHES_MAX:
            self._key_hashes.clear()
        self._key_hashes[key] = hashed = hashlib.sha256(key).hexdigest()[:16]
        return hashed

    async def serve(self, request: Request) -> Response:
        """Answer a request whose path and method are known."""
        if request.operation == "health":
            return await self._handle(request)
        if not request.api_key:
            return self.state.error("CLOUD_AUTH_FAILED")
        limiter, decision = self.state.limit(request.api_key, request.operation, unix_ns())
        if not decision.accepted:
            return self._refuse(decision)
        try:
            return await self._handle(request)
        finally:
            limiter.release()

    def _refuse(self, decision: Decision) -> Response:
        style = self.state.settings.config.retry_after
        text = format_retry_after(style, decision.retry_after_ns, unix_ns())
        if self.state.lies("wrong_retry_after"):
            text = "0"
        headers = () if text is None else ((b"retry-after", text.encode()),)
        return self.state.error("CLOUD_RATE_LIMITED")._replace(headers=headers, refused=True)

    async def _handle(self, request: Request) -> Response:
        settings, rng = self.state.settings, self.state.rng.failures
        code = settings.draw_failure(request.operation, rng)
        share = settings.config.timeout_after_effect
        after = code == "CLOUD_TIMEOUT" and share > 0 and rng.random() < share
        if code and not after:
            await self.simulate_latency(request.operation)
            if request.operation == "create_session" and code in LAUNCH_FAILURES:
                self.state.fail_create(unix_ns())
            return self.injected_error(code)
        reader = READERS.get(request.operation)
        if reader is None:
            await self.simulate_latency(request.operation)
            response = self.handlers.read(request)
        else:
            body = reader(request.body)
            if isinstance(body, Problem):
                return self.state.error(body.code, body.details)
            response = await self._post(request, body)
        return self.injected_error(code) if after and response.status < 300 else response

    async def _post(self, request: Request, body: CreateSession | Import | QueueRun) -> Response:
        if not request.idempotency_key:
            await self.simulate_latency(request.operation)
            return await self.handlers.write(request, body)
        keys = self.state.keys
        scope = (request.api_key, request.idempotency_key)
        found = self._look_up(request, scope)
        if isinstance(found, KeyConflict):
            return plain_error_response(found.value, _KEY_CONFLICT_MESSAGES[found])
        if isinstance(found, KeyRecord) and not self.state.lies("executes_twice"):
            await self.simulate_latency(request.operation)
            return self.handlers.replay(request, found)
        record = keys.begin(scope, _fingerprint(request), unix_ns())
        try:
            await self.simulate_latency(request.operation)
            response = await self.handlers.write(request, body)
        except BaseException:
            keys.abandon(scope)
            raise
        self._remember(scope, record, response)
        return response

    def _look_up(self, request: Request, scope: tuple[str, str]) -> KeyRecord | KeyConflict | None:
        state = self.state
        found = state.keys.look_up(
            scope, _fingerprint(request), unix_ns(), state.settings.key_lifetime_ns
        )
        if (
            found is None
            and state.settings.lies.forgets_keys_after_s
            and request.idempotency_key in state.keys.executions
        ):
            state.count_lie("forgets_keys_after_s")
        return found

    def _remember(self, scope: tuple[str, str], record: KeyRecord, response: Response) -> None:
        keys, state_file = self.state.keys, self.state_file
        if response.status >= 300:
            keys.abandon(scope)
            return
        record.status, record.body = response.status, response.body
        record.resource_id = response.resource_id
        if state_file is not None:
            state_file.put_key(scope, record)
        if response.executed:
            times = keys.count(scope[1])
            if state_file is not None:
                state_file.put_execution(scope[1], times)

    async def wait_for_stall_end(self) -> None:
        """Wait while the server stalls."""
        await sleep_until(self.stall.end_ns(unix_ns()))

    async def simulate_latency(self, operation: str) -> None:
        """Wait for an operation's queue and latency."""
        settings, rng = self.state.settings, self.state.rng
        due_ns = unix_ns()
        if self._queue is not None and settings.config.service_operation in ("*", operation):
            due_ns = self._queue.admit(due_ns, settings.service(rng.service))
        distribution = settings.latency.get(operation)
        if distribution is not None:
            due_ns += distribution(rng.latency)
        await sleep_until(due_ns)

    def injected_error(self, code: str) -> Response:
        """The response of an injected failure."""
        response = self.state.error(code)
        if response.status == 429:
            return response._replace(headers=((b"retry-after", b"1"),))
        return response

    def count(self, operation: str, response: Response) -> None:
        """Count a response that is about to be sent, and store what it changed."""
        self.state.counters.count_answer(
            operation, response.status, response.code, refused=response.refused
        )
        if self.state_file is not None:
            self.state_file.commit(self.state)

    def _run_changed(self, run: Run) -> None:
        if self.state_file is not None:
            self.state_file.put_run(run)
            self.state_file.commit(self.state)


async def sleep_until(due_ns: int) -> None:
    """
    Sleep until an instant, never less.

    The loop's timers may fire 1 ms early; then it sleeps again, for at most about 1 ms too long.
    """
    while (left_ns := due_ns - unix_ns()) > 0:  # noqa: ASYNC110  a clock has no event
        await asyncio.sleep(max(0.001, left_ns / NS_PER_S))


def _fingerprint(request: Request) -> str:
    head = f"{request.operation} {request.argument}\n".encode()
    return hashlib.blake2b(head + request.body, digest_size=16).hexdigest()
