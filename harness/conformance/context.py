"""
The desk at which checks are made: plain requests, judged strictly, and tidied up after.

Nothing is tried again but what was refused with 429: that is waited out, for a rate limit
is no breach of any statement but those about rate limits. Every session that an answer
named, even a broken one, is closed at the end.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from secrets import token_hex
from typing import NamedTuple
from urllib.parse import unquote

from harness.clock import unix_ns
from harness.conformance.case import CaseFailedError, CaseSkippedError
from harness.conformance.webhook_inbox import WebhookInbox
from harness.contract.interpretation import Interpretation, interpret
from harness.contract.operations import OPERATIONS
from harness.contract.operations import request_target as path_of
from harness.contract.outcomes import Outcome
from harness.contract.response_models import CreatedSession
from harness.units import NS_PER_S
from harness.wire import Request, Response, Target, Transport, TransportKind, connect
from harness.workload.payloads import session_body

Query = Mapping[str, str | int | None]

DEADLINE_S = 30.0
WAITS_MAX = 5
WAIT_MAX_S = 60.0
RETRY_IN_FLIGHT_S = 1.0
"""Between two questions what became of a create that is still being handled."""
_IN_FLIGHT = 409
"""The status while the first request with a key is still being handled."""
_KEY_HEADERS = frozenset({"x-api-key", "authorization"})
_CLOSED_OUTCOMES = frozenset({Outcome.OK, Outcome.NOT_FOUND, Outcome.SESSION_CLOSED})


class Exchange(NamedTuple):
    """An answer: as it came, and what it means."""

    response: Response
    interpretation: Interpretation


class CaseContext:
    """
    Makes the checks' requests.

    Args:
        target: Where to, with the key in its headers.
        patience_s: How long a run's end, or a webhook, is waited for.
        webhook_inbox: Receives webhooks; None where the target could not reach one.
        fill: Most sessions opened to find the target full; 0 leaves that alone.
        kind: Which wire; without one, the one that can do what the target asks for.

    Attributes:
        nonce: Tells this sitting's names from those of any other.
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
        self.nonce = token_hex(8)
        self.left_open: set[str] = set()
        self._kind: TransportKind = kind or ("httpx" if target.proxy or target.http2 else "fast")
        self._transport = self._connect(target)
        self._number = 0
        self._close_attempted: set[str] = set()
        self._unconfirmed_creates: dict[str, bytes] = {}

    def api_key(self) -> str:
        """The key, as it stands in the target's headers."""
        given = next((value for name, value in self.target.headers if name in _KEY_HEADERS), "")
        return given.removeprefix("Bearer ")

    def without_key(self, header: tuple[str, str] | None) -> Transport:
        """A connection without the key, and with another header in its place."""
        headers = [pair for pair in self.target.headers if pair[0] not in _KEY_HEADERS]
        given = (*headers, header) if header else tuple(headers)
        return self._connect(replace(self.target, headers=given))

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
            operation: Its name.
            resource_id: Session, run or scraper.
            body: JSON.
            key: Idempotency-Key; "" sends none.
            transport: Another connection than the desk's own.
            retry_rate_limited: Wait out a rate limit.
            query: Parameters.
            method: Another one than the operation's.

        Raises:
            BrokenPromiseError: No whole answer came.
        """
        request = Request(
            method or OPERATIONS[operation].method,
            path_of(operation, resource_id, **(query or {})),
            body,
            key,
        )
        heard = self._exchange(operation, request, transport or self._transport)
        for _ in range(WAITS_MAX if retry_rate_limited else 0):
            wait_s = heard.interpretation.retry_after_s
            if heard.interpretation.outcome is not Outcome.RATE_LIMITED or math.isnan(wait_s):
                break
            time.sleep(min(max(wait_s, 0.05), WAIT_MAX_S))
            heard = self._exchange(operation, request, transport or self._transport)
        return heard

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
        Make one request that must succeed, with an answer that keeps the contract.

        Raises:
            BrokenPromiseError: It did not, or its answer does not.
            NotSeenError: There was no room for it.
        """
        interpretation = self.call(
            operation, resource_id, body, key=key, query=query
        ).interpretation
        if interpretation.outcome is Outcome.CAPACITY_FULL:
            raise CaseSkippedError(f"{operation}: no capacity left ({interpretation.code})")
        if interpretation.outcome is not Outcome.OK or interpretation.violation:
            raise CaseFailedError(f"{operation} answered {describe(interpretation)}")
        return interpretation

    def open_session(self, *, key: str = "", body: bytes | None = None) -> CreatedSession:
        """Open a session, to be closed after the check, even if its answer never comes."""
        key, body = key or self.key(), body or self.session_body()
        self.track_create(key, body)
        interpretation = self.expect_ok("create_session", body=body, key=key)
        assert isinstance(interpretation.value, CreatedSession)
        return interpretation.value

    def track_create(self, key: str, body: bytes) -> None:
        """A create is about to be sent: what it opens is to be closed, whatever comes of it."""
        self._unconfirmed_creates[key] = body

    def session_body(self) -> bytes:
        """Another body of create_session at each call."""
        return session_body(int(self.nonce, 16), self.number())

    def number(self) -> int:
        """Another number at each call."""
        self._number += 1
        return self._number

    def key(self) -> str:
        """A fresh Idempotency-Key."""
        return f"conform-{self.nonce}-{self.number()}"

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """
        Look again and again until it is so.

        Raises:
            NotSeenError: It was not so in time.
        """
        end_s = time.monotonic() + self.patience_s
        pause_s = 0.02
        while not condition():
            if time.monotonic() > end_s:
                raise CaseSkippedError(f"{what} not within {self.patience_s:g} s")
            time.sleep(pause_s)
            pause_s = min(1.0, pause_s * 1.5)

    def cleanup(self) -> None:
        """Close the sessions that were opened since, so that they take up no room."""
        for key, body in list(self._unconfirmed_creates.items()):
            with suppress(CaseFailedError):
                self._confirm_create(key, body)
            self._unconfirmed_creates.pop(key, None)
        for session_id in sorted(self.left_open - self._close_attempted):
            self._close_attempted.add(session_id)
            with suppress(CaseFailedError):
                self.call("delete_session", session_id)

    def _confirm_create(self, key: str, body: bytes) -> None:
        """Asked again with its key, a create tells what it opened, once it has been handled."""
        for _ in range(WAITS_MAX):
            self.call("create_session", body=body, key=key)
            if key not in self._unconfirmed_creates:
                return
            time.sleep(RETRY_IN_FLIGHT_S)

    def close(self) -> list[str]:
        """Close every session that is still open; returns those that would not close."""
        self._close_attempted.clear()
        self.cleanup()
        self._transport.close()
        return sorted(self.left_open)

    def _exchange(self, operation: str, request: Request, transport: Transport) -> Exchange:
        response = transport.exchange(request, unix_ns() + int(DEADLINE_S * NS_PER_S))
        if response.failure is not None:
            raise CaseFailedError(
                f"{operation} got no answer: {response.failure} {response.detail}".rstrip()
            )
        interpretation = interpret(operation, response.status, response.body, response.retry_after)
        if operation == "create_session" and interpretation.resource_id:
            self.left_open.add(interpretation.resource_id)
        elif operation == "delete_session" and interpretation.outcome in _CLOSED_OUTCOMES:
            self.left_open.discard(unquote(request.target.rpartition("/")[2]))
        # Last, so that an interrupt before it leaves the create in doubt.
        if response.status != _IN_FLIGHT:
            self._unconfirmed_creates.pop(request.idempotency_key, None)
        return Exchange(response, interpretation)

    def _connect(self, target: Target) -> Transport:
        return connect(target, self._kind)


def describe(interpretation: Interpretation) -> str:
    """What an answer was, in a few words."""
    code = f" {interpretation.code}" if interpretation.code else ""
    return f"{interpretation.outcome}{code}" + (
        f" ({interpretation.violation})" if interpretation.violation else ""
    )


def require(holds: bool, otherwise: str) -> None:  # noqa: FBT001  it reads as a sentence
    """
    See that something holds.

    Raises:
        BrokenPromiseError: It does not.
    """
    if not holds:
        raise CaseFailedError(otherwise)
