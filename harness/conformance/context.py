"""
What conformance cases use: plain requests, strict requirements, and cleanup.

Only a 429 is retried: it is waited out, because a rate limit breaks no statement but those
about rate limits. Every session that a response names, even an invalid one, is closed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from secrets import token_hex
from typing import NamedTuple
from urllib.parse import unquote

from harness.clock import unix_ns
from harness.conformance.webhook_inbox import WebhookInbox
from harness.contract.interpretation import Interpretation, interpret
from harness.contract.operations import OPERATIONS
from harness.contract.operations import request_target as path_of
from harness.contract.outcomes import ALIASES, DOCUMENTED_CODES, Outcome
from harness.contract.response_models import CreatedSession
from harness.units import NS_PER_S
from harness.wire import Request, Response, Target, Transport, TransportKind, connect
from harness.workload.payloads import session_body

Query = Mapping[str, str | int | None]

DEADLINE_S = 30.0
WAITS_MAX = 5
WAIT_MAX_S = 60.0
RETRY_IN_FLIGHT_S = 1.0
"""Pause before a create that is still in progress is sent again."""
_IN_FLIGHT = 409
"""The status while the first request with a key is in progress."""
_KEY_HEADERS = frozenset({"x-api-key", "authorization"})
_CLOSED_OUTCOMES = frozenset({Outcome.OK, Outcome.NOT_FOUND, Outcome.SESSION_CLOSED})


class CaseFailedError(Exception):
    """The target breaks the statement; the message says what it did."""


class CaseSkippedError(Exception):
    """The statement could not be observed; the message says why."""


class Exchange(NamedTuple):
    """A response and its interpretation."""

    response: Response
    interpretation: Interpretation


class CaseContext:
    """
    Makes the cases' requests.

    Args:
        target: Where to send them; its headers hold the key.
        patience_s: How long to wait for a run's end or a webhook.
        webhook_inbox: None if the target cannot reach one.
        fill: Open at most this many sessions to reach the capacity limit; 0 skips that.
        kind: None selects a wire that supports the target's options.
    """

    def __init__(
        self,
        target: Target,
        patience_s: float = 60.0,
        webhook_inbox: WebhookInbox | None = None,
        *,
        fill: int = 0,
        kind: TransportKind | None = None,
    ) -> None:
        self.target = target
        self.patience_s = patience_s
        self.webhook_inbox = webhook_inbox
        self.fill = fill
        self.nonce = token_hex(8)  # makes this execution's names unique
        self.left_open: set[str] = set()
        self._kind: TransportKind = kind or ("httpx" if target.proxy or target.http2 else "fast")
        self._transport = connect(target, self._kind)
        self._number = 0
        self._close_attempted: set[str] = set()
        self._unconfirmed_creates: dict[str, bytes] = {}

    @property
    def seed(self) -> int:
        """Seed of this execution's payloads."""
        return int(self.nonce, 16)

    @property
    def unknown_id(self) -> str:
        """An id that the target has not issued."""
        return f"conform-{self.nonce}"

    @property
    def api_key(self) -> str:
        """The key in the target's headers."""
        given = next((value for name, value in self.target.headers if name in _KEY_HEADERS), "")
        return given.removeprefix("Bearer ")

    @contextmanager
    def without_key(self, header: tuple[str, str] | None = None) -> Iterator[Transport]:
        """A connection without the key, with another header in its place if given."""
        headers = tuple(pair for pair in self.target.headers if pair[0] not in _KEY_HEADERS)
        if header:
            headers += (header,)
        transport = connect(replace(self.target, headers=headers), self._kind)
        try:
            yield transport
        finally:
            transport.close()

    def call(
        self,
        operation: str,
        resource_id: str = "",
        body: bytes | None = None,
        *,
        key: str = "",
        transport: Transport | None = None,
        retry_rate_limited: bool = True,
        query: Query | None = None,
        method: str = "",
    ) -> Exchange:
        """
        Make one request.

        Args:
            resource_id: Session id, run id or scraper slug.
            key: Idempotency-Key; "" sends none.
            transport: None uses the context's own connection.
            method: "" uses the operation's.

        Raises:
            CaseFailedError: No complete response arrived.
        """
        path = path_of(operation, resource_id, **(query or {}))
        request = Request(method or OPERATIONS[operation].method, path, body, key)
        exchange = self._exchange(operation, request, transport or self._transport)
        for _ in range(WAITS_MAX if retry_rate_limited else 0):
            wait_s = exchange.interpretation.retry_after_s
            if exchange.interpretation.outcome is not Outcome.RATE_LIMITED or math.isnan(wait_s):
                break
            time.sleep(min(max(wait_s, 0.05), WAIT_MAX_S))
            exchange = self._exchange(operation, request, transport or self._transport)
        return exchange

    def expect_ok(
        self,
        operation: str,
        resource_id: str = "",
        body: bytes | None = None,
        *,
        key: str = "",
        query: Query | None = None,
    ) -> Interpretation:
        """
        Make one request that must succeed with a valid response.

        Raises:
            CaseFailedError: It failed, or its response is invalid.
            CaseSkippedError: The target has no capacity left.
        """
        interpretation = self.call(
            operation, resource_id, body, key=key, query=query
        ).interpretation
        if interpretation.outcome is Outcome.CAPACITY_FULL:
            raise CaseSkippedError(f"{operation}: no capacity left ({interpretation.code})")
        if interpretation.outcome is not Outcome.OK or interpretation.violation:
            raise CaseFailedError(f"{operation}: got {describe(interpretation)}")
        return interpretation

    def open_session(self, *, key: str = "", body: bytes | None = None) -> CreatedSession:
        """Open a session; it is closed after the case, even if no response arrives."""
        key, body = key or self.key(), body or self.session_body()
        self.track_create(key, body)
        interpretation = self.expect_ok("create_session", body=body, key=key)
        assert isinstance(interpretation.value, CreatedSession)
        return interpretation.value

    def track_create(self, key: str, body: bytes) -> None:
        """Note a create that is about to be sent, so that its session gets closed."""
        self._unconfirmed_creates[key] = body

    def session_body(self) -> bytes:
        """A body of create_session, different at each call."""
        return session_body(self.seed, self.number())

    def number(self) -> int:
        """A number, different at each call."""
        self._number += 1
        return self._number

    def key(self) -> str:
        """A new Idempotency-Key."""
        return f"conform-{self.nonce}-{self.number()}"

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """
        Poll until `condition` is true.

        Raises:
            CaseSkippedError: It was not true within `patience_s`.
        """
        end_s = time.monotonic() + self.patience_s
        pause_s = 0.02
        while not condition():
            if time.monotonic() > end_s:
                raise CaseSkippedError(f"{what} not within {self.patience_s:g} s")
            time.sleep(pause_s)
            pause_s = min(1.0, pause_s * 1.5)

    def cleanup(self) -> None:
        """Close the sessions opened since the last cleanup, to free their slots."""
        for key, body in list(self._unconfirmed_creates.items()):
            with suppress(CaseFailedError):
                self._confirm_create(key, body)
            self._unconfirmed_creates.pop(key, None)
        for session_id in sorted(self.left_open - self._close_attempted):
            self._close_attempted.add(session_id)
            with suppress(CaseFailedError):
                self.call("delete_session", session_id)

    def _confirm_create(self, key: str, body: bytes) -> None:
        """Repeat a create with its key until the response names its session."""
        for _ in range(WAITS_MAX):
            self.call("create_session", body=body, key=key)
            if key not in self._unconfirmed_creates:
                return
            time.sleep(RETRY_IN_FLIGHT_S)

    def close(self) -> list[str]:
        """Close every open session; returns those that did not close."""
        self._close_attempted.clear()
        self.cleanup()
        self._transport.close()
        return sorted(self.left_open)

    def _exchange(self, operation: str, request: Request, transport: Transport) -> Exchange:
        response = transport.exchange(request, unix_ns() + int(DEADLINE_S * NS_PER_S))
        if response.failure is not None:
            why = f"{response.failure} {response.detail}".rstrip()
            raise CaseFailedError(f"{operation}: got no response: {why}")
        interpretation = interpret(operation, response.status, response.body, response.retry_after)
        if operation == "create_session" and interpretation.resource_id:
            self.left_open.add(interpretation.resource_id)
        elif operation == "delete_session" and interpretation.outcome in _CLOSED_OUTCOMES:
            self.left_open.discard(unquote(request.target.rpartition("/")[2]))
        # Last, so that an interrupt before this line leaves the create unconfirmed.
        if response.status != _IN_FLIGHT:
            self._unconfirmed_creates.pop(request.idempotency_key, None)
        return Exchange(response, interpretation)


def describe(interpretation: Interpretation) -> str:
    """Outcome, code and violation of a response."""
    code = f" {interpretation.code}" if interpretation.code else ""
    violation = f" ({interpretation.violation})" if interpretation.violation else ""
    return f"{interpretation.outcome}{code}{violation}"


def require(holds: bool, otherwise: str) -> None:  # noqa: FBT001  it reads as a sentence
    """Raise `CaseFailedError` with the message `otherwise` unless the condition holds."""
    if not holds:
        raise CaseFailedError(otherwise)


def require_outcome(interpretation: Interpretation, request: str, code: str = "") -> None:
    """Require a success, or the outcome of a documented error code."""
    outcome = DOCUMENTED_CODES[code] if code else Outcome.OK
    require(
        interpretation.outcome is outcome,
        f"{request}: got {describe(interpretation)}, not {code or outcome}",
    )


def require_status(exchange: Exchange, request: str, status: int, code: str = "") -> None:
    """Require a status and, if given, a documented error code by any of its names."""
    response, interpretation = exchange
    got_code = ALIASES.get(interpretation.code, interpretation.code)
    require(
        response.status == status and code in {"", got_code},
        f"{request}: got {response.status} {describe(interpretation)}, "
        f"not {status} {code}".rstrip(),
    )
