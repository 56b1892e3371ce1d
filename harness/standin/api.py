"""
The way of a request, from its key to its answer.

::

    route ─ 404, 405 ─► key ─ 401 ─► limiter ─ 429 ─► injected failure ─ CODE ─►
    body ─ 400, 409 ─► Idempotency-Key ─ replay, 409, 422 ─► time it takes ─►
    the work (capacity 503, 404, 410, …) ─► answer

An injected failure takes the operation's time and does no work; only a share of
CLOUD_TIMEOUT (``timeout_after_effect``) is told after the work was done. The health
check needs no key and has no limit. Answers other than 2xx are not kept for a key.
"""

from __future__ import annotations

import asyncio
import hashlib

from harness.clock import unix_ns
from harness.standin.codes import LAUNCH_FAILURES
from harness.standin.delivery import Deliveries
from harness.standin.handlers import READERS, Handlers
from harness.standin.idempotency import Record, Refusal
from harness.standin.limits import Decision
from harness.standin.messages import Answer, Request, fail, fail_plainly
from harness.standin.request_models import CreateSession, Import, Problem, QueueRun
from harness.standin.retry_after import format_retry_after
from harness.standin.runs import Run
from harness.standin.service_queue import ServiceQueue, Stall
from harness.standin.settings import to_ns
from harness.standin.state import State
from harness.standin.state_file import Journal
from harness.units import NS_PER_S

_KEYS_KEPT = 10_000  # hashed before, so that a key costs its SHA-256 once
_REFUSALS = {
    Refusal.ANOTHER_REQUEST: "this Idempotency-Key came with another request before",
    Refusal.IN_FLIGHT: "the first request with this Idempotency-Key is still being handled",
}


class Api:
    """The API over one state; `serve` is the way of one request."""

    def __init__(self, state: State, journal: Journal | None = None) -> None:
        self.state = state
        self.journal = journal
        self.deliveries = Deliveries(state, self._run_changed)
        self.handlers = Handlers(state, journal, self.deliveries.schedule)
        self._key_hashes: dict[bytes, str] = {}
        self._start_ns = unix_ns()
        self._workers = 0
        self._queue: ServiceQueue | None = None
        self.adopt_settings()

    def adopt_settings(self) -> None:
        """Build what hangs on the settings, after they changed."""
        config = self.state.settings.config
        if config.workers != self._workers:  # else those at work stay at work
            self._workers = config.workers
            self._queue = ServiceQueue(config.workers) if config.workers else None
        self.stall = Stall(self._start_ns, to_ns(config.stall_period_s), to_ns(config.stall_s))

    def find_key(self, key: bytes) -> str:
        """The hash of an API key that is let in; "" for another one."""
        known = self._key_hashes.get(key)
        if known is not None and not self.state.settings.api_keys:
            return known
        if not key or (
            self.state.settings.api_keys and key not in self.state.settings.api_keys
        ):
            return ""
        if len(self._key_hashes) >= _KEYS_KEPT:
            self._key_hashes.clear()
        self._key_hashes[key] = hashed = hashlib.sha256(key).hexdigest()[:16]
        return hashed

    async def serve(self, request: Request) -> Answer:
        """Answer a request whose path and method are known."""
        if request.operation == "health":
            return await self._handle(request)
        if not request.api_key:
            return self._fail("CLOUD_AUTH_FAILED")
        limiter, decision = self.state.limit(request.api_key, request.operation, unix_ns())
        if not decision.accepted:
            return self._refuse(decision)
        try:
            return await self._handle(request)
        finally:
            limiter.release()

    def _refuse(self, decision: Decision) -> Answer:
        state = self.state
        text = format_retry_after(
            state.settings.config.retry_after, decision.retry_after_ns, unix_ns()
        )
        if state.lie("wrong_retry_after"):
            state.told("wrong_retry_after")
            text = "0"
        headers = () if text is None else ((b"retry-after", text.encode()),)
        return self._fail("CLOUD_RATE_LIMITED")._replace(headers=headers, refused=True)

    async def _handle(self, request: Request) -> Answer:
        settings, rng = self.state.settings, self.state.dice.failures
        code = settings.draw_failure(request.operation, rng)
        share = settings.config.timeout_after_effect
        after = code == "CLOUD_TIMEOUT" and share > 0 and rng.random() < share
        if code and not after:
            await self.take_time(request.operation)
            if request.operation == "create_session" and code in LAUNCH_FAILURES:
                self.state.fail_create(unix_ns())
            return self.inject(code)
        reader = READERS.get(request.operation)
        if reader is None:
            await self.take_time(request.operation)
            answer = self.handlers.read(request)
        else:
            body = reader(request.body)
            if isinstance(body, Problem):
                return self._fail(body.code, body.details)
            answer = await self._post(request, body)
        return self.inject(code) if after and answer.status < 300 else answer

    async def _post(self, request: Request, body: CreateSession | Import | QueueRun) -> Answer:
        if not request.idempotency_key:
            await self.take_time(request.operation)
            return await self.handlers.write(request, body)
        keys = self.state.keys
        scope = (request.api_key, request.idempotency_key)
        found = self._look_up(request, scope)
        if isinstance(found, Refusal):
            return fail_plainly(found.value, _REFUSALS[found])
        if isinstance(found, Record) and not self._told_twice():
            await self.take_time(request.operation)
            return self.handlers.replay(request, found)
        record = keys.begin(scope, _fingerprint(request), unix_ns())
        try:
            await self.take_time(request.operation)
            answer = await self.handlers.write(request, body)
        except BaseException:
            keys.abandon(scope)
            raise
        self._remember(scope, record, answer)
        return answer

    def _look_up(self, request: Request, scope: tuple[str, str]) -> Record | Refusal | None:
        state = self.state
        found = state.keys.look_up(
            scope, _fingerprint(request), unix_ns(), state.settings.key_lifetime_ns
        )
        if (
            found is None
            and state.settings.lies.forgets_keys_after_s
            and request.idempotency_key in state.keys.executions
        ):
            state.told("forgets_keys_after_s")
        return found

    def _told_twice(self) -> bool:
        lied = self.state.lie("executes_twice")
        if lied:
            self.state.told("executes_twice")
        return lied

    def _remember(self, scope: tuple[str, str], record: Record, answer: Answer) -> None:
        keys, journal = self.state.keys, self.journal
        if answer.status >= 300:
            keys.abandon(scope)
            return
        record.status, record.body = answer.status, answer.body
        record.resource_id = answer.resource_id
        if journal is not None:
            journal.note_key(scope, record)
        if answer.worked:
            times = keys.count(scope[1])
            if journal is not None:
                journal.note_execution(scope[1], times)

    async def wait_out_stall(self) -> None:
        """Wait while the whole server stands still."""
        now_ns = unix_ns()
        freed_ns = self.stall.end_ns(now_ns)
        if freed_ns > now_ns:
            await sleep_until(freed_ns)

    async def take_time(self, operation: str) -> None:
        """Let the time pass that an operation takes, its queue included."""
        settings, dice = self.state.settings, self.state.dice
        due_ns = now_ns = unix_ns()
        if self._queue is not None and settings.config.service_operation in ("*", operation):
            due_ns = self._queue.admit(now_ns, settings.service(dice.service))
        law = settings.latency.get(operation)
        if law is not None:
            due_ns += law(dice.latency)
        if due_ns > now_ns:
            await sleep_until(due_ns)

    def inject(self, code: str) -> Answer:
        """The answer of a failure that was told to happen."""
        answer = self._fail(code)
        if answer.status == 429:
            return answer._replace(headers=((b"retry-after", b"1"),))
        return answer

    def _fail(self, code: str, details: object = None) -> Answer:
        return fail(self.state.settings.config.vocabulary, code, details)

    def count(self, operation: str, answer: Answer) -> None:
        """Count an answer that is about to be sent, and write down what it changed."""
        self.state.tally.count_answer(
            operation, answer.status, answer.code, refused=answer.refused
        )
        if self.journal is not None:
            self.journal.commit(self.state)

    def _run_changed(self, run: Run) -> None:
        if self.journal is not None:
            self.journal.note_run(run)
            self.journal.commit(self.state)


async def sleep_until(due_ns: int) -> None:
    """
    Sleep until an instant, never less.

    The loop's timers count whole milliseconds and may fire early by one: then it
    sleeps again. So a wait is up to about a millisecond longer than asked for.
    """
    while (left_ns := due_ns - unix_ns()) > 0:  # noqa: ASYNC110  a clock has no event
        await asyncio.sleep(max(0.001, left_ns / NS_PER_S))


def _fingerprint(request: Request) -> str:
    head = f"{request.operation} {request.argument}\n".encode()
    return hashlib.blake2b(head + request.body, digest_size=16).hexdigest()
