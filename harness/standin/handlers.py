"""
The operations: how each changes the state, and what it answers.

Each handler runs without interruption, except that create_session pauses between its check for
room and taking the slot if ``race_window_s`` is set.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from harness.clock import unix_ns
from harness.standin import response_bodies
from harness.standin.ground_truth import increment
from harness.standin.idempotency import KeyRecord
from harness.standin.messages import Request, Response, plain_error_response
from harness.standin.request_models import CreateSession, Import, QueueRun
from harness.standin.runs import Run, log_page
from harness.standin.sessions import Session
from harness.standin.sockets.upgrade_auth import token_expires_ns
from harness.standin.state import State
from harness.standin.state_file import StateFile

LOG_LINES_MAX = 1_000
LOG_LINES_DEFAULT = 100


class Handlers:
    """Handles requests that passed authentication, limits and injected failures."""

    def __init__(
        self, state: State, state_file: StateFile | None, queued: Callable[[Run], None]
    ) -> None:
        self._state = state
        self._state_file = state_file
        self._queued = queued
        # Launches a new session's browser; returns the code of its failure, or "".
        self.launch: Callable[[Session], Awaitable[str]] | None = None

    async def write(self, request: Request, body: CreateSession | Import | QueueRun) -> Response:
        """Do the work of a POST."""
        if isinstance(body, CreateSession):
            response = await self._create_session(request, body)
        elif isinstance(body, Import):
            response = self._import(body)
        else:
            response = self._queue_run(request, body)
        if response.executed:
            increment(self._state.counters.work, request.operation)
        return response

    def read(self, request: Request) -> Response:
        """Answer a request without a body."""
        match request.operation:
            case "get_session":
                return self._get_session(request)
            case "delete_session":
                return self._delete_session(request)
            case "get_run":
                return self._get_run(request)
            case "get_run_logs":
                return self._get_run_logs(request)
            case _:
                return Response(200, response_bodies.HEALTH_BODY)

    def replay(self, request: Request, record: KeyRecord) -> Response:
        """Send the first response of a key again."""
        body = record.body
        if request.operation == "queue_run":
            if self._state.lies("replays_wrong_run"):
                body = self._other_run_body(record.resource_id)
            body = response_bodies.replayed_body(body)
        return Response(record.status, body, headers=((b"idempotency-replayed", b"true"),))

    def _other_run_body(self, run_id: str) -> bytes:
        state = self._state
        other = next((run for run in reversed(state.runs.values()) if run.id != run_id), None)
        if other is not None:
            return response_bodies.queued_body(other, other.status_at(unix_ns()))
        run = state.runs[run_id]
        unknown_run = Run(
            state.rng.make_id("run"), run.slug, run.input, run.created_ns,
            run.started_ns, run.finished_ns, run.final, run.lines,
        )  # fmt: skip
        return response_bodies.queued_body(unknown_run, "queued")

    async def _create_session(self, request: Request, body: CreateSession) -> Response:
        state = self._state
        if state.draw_lie("duplicate_session_id") and (duplicate := self._newest_open()):
            state.count_lie("duplicate_session_id")
            return self._created(request, duplicate, executed=False)
        if not state.has_room(unix_ns()):
            return self._state.error("CLOUD_CAPACITY_FULL")
        race_s = state.settings.config.race_window_s
        if race_s:
            await asyncio.sleep(race_s)
        session = state.create_session(body, unix_ns())
        if self.launch is not None and (code := await self.launch(session)):
            state.sessions.close(session, unix_ns(), 0, leak=False)
            state.fail_create(unix_ns())
            return self._state.error(code)
        if self._state_file is not None:
            self._state_file.put_session(session)
        return self._created(request, session, executed=True)

    def _newest_open(self) -> Session | None:
        state = self._state
        opened = state.sessions.open(unix_ns(), state.settings.release_delay_ns)
        return next(reversed(opened.values()), None)

    def _created(self, request: Request, session: Session, *, executed: bool) -> Response:
        status, expires_ns = session.state_at(unix_ns()), token_expires_ns(self._state, session)
        seed = self._state.settings.config.seed
        body = response_bodies.created_body(session, status, request.host, seed, expires_ns)
        return Response(201, body, resource_id=session.id, executed=executed)

    def _find_session(self, session_id: str, now_ns: int) -> Session | Response:
        """A session, or the response that refuses it."""
        session = self._state.sessions.find(session_id)
        if session is None:
            return self._state.error("CLOUD_SESSION_NOT_FOUND")
        if now_ns < session.created_ns + self._state.settings.stale_ns:
            return self._state.error("CLOUD_SESSION_STALE")
        return session

    def _get_session(self, request: Request) -> Response:
        now_ns = unix_ns()
        session = self._find_session(request.argument, now_ns)
        if isinstance(session, Response):
            return session
        status = session.state_at(now_ns)
        if status == "closed":
            if not self._state.lies("deleted_still_answers"):
                return self._state.error("CLOUD_SESSION_CLOSED")
            status = "active"
        return Response(200, response_bodies.session_body(session, status))

    def _delete_session(self, request: Request) -> Response:
        now_ns = unix_ns()
        session = self._find_session(request.argument, now_ns)
        if isinstance(session, Response):
            return session
        if session.state_at(now_ns) == "closed":
            return self._state.error("CLOUD_SESSION_CLOSED")
        self._state.taken(now_ns)  # release expired slots first
        self._state.close_session(session, now_ns)
        increment(self._state.counters.work, request.operation)
        if self._state_file is not None:
            self._state_file.put_session(session)
        return Response(204, b"")

    def _import(self, sent: Import) -> Response:
        state = self._state
        entries = list(sent.by_key())
        older_wins = state.draw_lie("older_wins")
        if older_wins and self._has_older(entries):
            state.count_lie("older_wins")
        counts = state.cache.import_entries(entries, older_wins=older_wins)
        if self._state_file is not None:
            self._state_file.put_entries({key: state.cache.updated_us[key] for key, _ in entries})
        surplus = int(state.lies("cache_miscounts"))
        body = response_bodies.imported_body(counts, surplus)
        return Response(200, body, executed=True)

    def _has_older(self, entries: list[tuple[Any, int]]) -> bool:
        known = self._state.cache.updated_us
        return any(updated_us < known.get(key, updated_us) for key, updated_us in entries)

    def _queue_run(self, request: Request, body: QueueRun) -> Response:
        now_ns = unix_ns()
        run = self._state.queue_run(request.argument, body, now_ns)
        if self._state_file is not None:
            self._state_file.put_run(run)
        self._queued(run)
        response = response_bodies.queued_body(run, run.status_at(now_ns))
        return Response(202, response, resource_id=run.id, executed=True)

    def _get_run(self, request: Request) -> Response:
        run = self._state.runs.get(request.argument)
        if run is None:
            return plain_error_response(404, "no such run")
        status = run.status_at(unix_ns())
        if status != "queued" and self._state.lies("status_goes_back"):
            status = "queued" if status == "running" else "running"
        return Response(200, response_bodies.run_body(run, status))

    def _get_run_logs(self, request: Request) -> Response:
        run = self._state.runs.get(request.argument)
        if run is None:
            return plain_error_response(404, "no such run")
        try:
            limit, before = _read_paging(request.query)
        except ValueError as error:
            details = [{"path": "query", "message": str(error)}]
            return self._state.error("CLOUD_CONFIG_INVALID", details)
        page = log_page(run.lines_at(unix_ns()), limit, before)
        lost = 0
        if page.numbers and self._state.lies("loses_log_line"):
            lost = self._state.rng.lies.choice(page.numbers)
        return Response(200, response_bodies.logs_body(run, page, without=lost))


def _read_paging(query: bytes) -> tuple[int, int | None]:
    values = parse_qs(query.decode("ascii", "replace"), keep_blank_values=True)
    text = values.get("logLimit", [str(LOG_LINES_DEFAULT)])[-1]
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= LOG_LINES_MAX):
        raise ValueError(f"logLimit must be a number from 1 to {LOG_LINES_MAX}, not {text!r}")
    cursor = values.get("beforeLogCursor")
    return int(text), None if cursor is None else response_bodies.parse_cursor(cursor[-1])
