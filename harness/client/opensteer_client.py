"""
OpensteerClient: the API's operations as methods for scenarios.

Each method makes one call (`harness.client.call`), attaches the evidence that checks need
(docs/reference/trial.md), and enters what it opens in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import msgspec

from harness.client.call import CallResult, ClientContext, RetryingCaller
from harness.client.ledger import Ledger
from harness.client.retries import RetryPolicy
from harness.client.sockets.actions import ActionSocket
from harness.client.sockets.connection import Endpoint
from harness.client.sockets.devtools import DevTools
from harness.client.sockets.dialer import Dialer
from harness.contract.cursors import order_of
from harness.contract.interpretation import Interpretation
from harness.contract.operations import request_target
from harness.contract.outcomes import Outcome
from harness.contract.response_models import CreatedSession, Cursor, ImportCounts, LogPage
from harness.contract.sockets import SocketKind
from harness.wire import Response, Transport
from harness.workload.payloads import digest16

_CLOSED_OUTCOMES = frozenset({Outcome.OK, Outcome.NOT_FOUND, Outcome.SESSION_CLOSED})
"""Outcomes of a DELETE after which the session is closed; a repeated one reports it as gone."""

_UNINFORMATIVE_OUTCOMES = frozenset({Outcome.RATE_LIMITED, Outcome.CONNECTION_REFUSED})
"""Outcomes of a repeated create that say nothing about the first one."""

_encode = msgspec.json.Encoder().encode

_IMPORT = request_target("import_selector_cache")
_CREATE = request_target("create_session")
_HEALTH = request_target("health")


class ExpectedCounts(msgspec.Struct, frozen=True, gc=False):
    """
    What the sender of a cache import expects of its entries, by count.

    ``fresh`` were not sent before; the others were, ``same`` unchanged, ``newer`` and ``older`` now
    with a later and an earlier ``updatedAt``.
    """

    fresh: int = 0
    same: int = 0
    newer: int = 0
    older: int = 0


class OpensteerClient:
    """
    One user's client over a connection of its own.

    ``policy`` replaces the context's; ``dialer`` is None where no sockets are opened.
    """

    def __init__(
        self,
        transport: Transport,
        context: ClientContext,
        ledger: Ledger,
        policy: RetryPolicy | None = None,
        dialer: Dialer | None = None,
    ) -> None:
        self._caller = RetryingCaller(transport, context, policy)
        self._dialer = dialer
        self._call = self._caller.call
        self._ledger = ledger

    @property
    def transport(self) -> Transport:
        """The user's connection."""
        return self._caller.transport

    @property
    def last_response(self) -> Response | None:
        """The last attempt's response, unprocessed: it has the headers."""
        return self._caller.last_response

    def begin_iteration(self, phase: str, intended_ns: int) -> None:
        """Begin an arrival, whose first call was meant to start at ``intended_ns``."""
        self._caller.begin_iteration(phase, intended_ns)

    @property
    def intended_ns(self) -> int:
        """The intended start of the next call; 0 for its actual start."""
        return self._caller.intended_ns

    def without_retries(self) -> OpensteerClient:
        """A client over the same connection that makes one attempt per call, as the SDK does."""
        caller = self._caller
        policy = replace(caller.policy, attempts=1)
        return OpensteerClient(caller.transport, caller.context, self._ledger, policy, self._dialer)

    def actions(self, created: CreatedSession, reconnects: int = 0) -> ActionSocket:
        """The action socket of a session; `ActionSocket.connect` opens it."""
        endpoint = Endpoint(created.session_id, created.action_ws_url, created.action_token)
        return ActionSocket(self._caller, self._require_dialer(), endpoint, reconnects)

    def devtools(self, created: CreatedSession) -> DevTools:
        """The CDP socket of a session; `DevTools.connect` opens it."""
        endpoint = Endpoint(created.session_id, created.cdp_ws_url, created.cdp_token)
        return DevTools(self._caller, self._require_dialer(), endpoint)

    def probe_socket(self, kind: SocketKind, endpoint: Endpoint, probe: str) -> CallResult:
        """Try to open a socket that should not open; if it opens, it is closed immediately."""
        socket_type = ActionSocket if kind == "action" else DevTools
        socket = socket_type(self._caller, self._require_dialer(), endpoint)
        return socket.connection.connect(probe=probe)

    def _require_dialer(self) -> Dialer:
        if self._dialer is None:
            msg = "this client was made without a dialer, so it opens no sockets"
            raise ValueError(msg)
        return self._dialer

    def health(self) -> CallResult:
        """Ask whether the service is available."""
        return self._call("health", _HEALTH)

    def create_session(self, body: bytes, key: str, *, probe: str = "") -> CallResult:
        """Open a session, with id ``interpretation.resource_id``, and enter it in the ledger."""
        was_unconfirmed = key in self._ledger.unconfirmed
        self._ledger.record_intent(key, body)
        digest = digest16(body)

        def describe(interpretation: Interpretation) -> str:
            return _evidence(state=interpretation.state, body=digest, probe=probe)

        result = self._call("create_session", _CREATE, body, key=key, describe=describe)
        session_id = result.interpretation.resource_id
        # A response that says nothing about the key leaves an earlier create unconfirmed.
        is_uninformative = (
            was_unconfirmed and result.interpretation.outcome in _UNINFORMATIVE_OUTCOMES
        )
        if session_id or not (result.ambiguous or is_uninformative):
            self._ledger.record_effect(key, session_id)
        return result

    def get_session(self, session_id: str, *, probe: str = "") -> CallResult:
        """Read a session, whose state is ``interpretation.state``."""
        path, describe = request_target("get_session", session_id), _state_evidence(probe)
        return self._call("get_session", path, resource_id=session_id, describe=describe)

    def delete_session(self, session_id: str, *, probe: str = "") -> CallResult:
        """Close a session; a response that it is already gone counts as closed."""
        describe = _state_evidence(probe) if probe else None
        path = request_target("delete_session", session_id)
        result = self._call("delete_session", path, resource_id=session_id, describe=describe)
        if result.interpretation.outcome in _CLOSED_OUTCOMES:
            self._ledger.close(session_id)
        return result

    def import_selector_cache(
        self, body: bytes, key: str, expected: ExpectedCounts | None, *, probe: str = ""
    ) -> CallResult:
        """Import a batch of entries; ``expected`` is None for a single entry of unknown history."""
        sent, expected_fields = _import_evidence(expected, probe)

        def describe(interpretation: Interpretation) -> str:
            counts = interpretation.value
            if not isinstance(counts, ImportCounts):
                return sent + expected_fields
            return (
                f'{sent},"imported":{counts.imported},"inserted":{counts.inserted}'
                f',"updated":{counts.updated},"skipped":{counts.skipped}{expected_fields}'
            )

        return self._call("import_selector_cache", _IMPORT, body, key=key, describe=describe)

    def queue_run(
        self, slug: str, body: bytes, key: str, *, events: tuple[str, ...] = (), probe: str = ""
    ) -> CallResult:
        """
        Queue a run of a scraper, whose id is ``interpretation.resource_id``.

        ``events`` are what the body's webhook subscribes to; none without a webhook.
        """
        webhook_fields = {"webhook": True, "events": events} if events else {}
        digest = digest16(body)

        def describe(interpretation: Interpretation) -> str:
            status = interpretation.state
            return _evidence(status=status, body=digest, probe=probe, **webhook_fields)

        path = request_target("queue_run", slug)
        return self._call("queue_run", path, body, key=key, describe=describe)

    def get_run(self, run_id: str, *, probe: str = "") -> CallResult:
        """Read a run, whose status is ``interpretation.state``."""

        def describe(interpretation: Interpretation) -> str:
            return _evidence(status=interpretation.state, probe=probe)

        path = request_target("get_run", run_id)
        return self._call("get_run", path, resource_id=run_id, describe=describe)

    def get_run_logs(
        self, run_id: str, *, limit: int = 100, cursor: Cursor = None, probe: str = ""
    ) -> CallResult:
        """Read one page of a run's logs: the newest, or the one before ``cursor``."""
        path = request_target("get_run_logs", run_id, logLimit=limit, beforeLogCursor=cursor)

        def describe(interpretation: Interpretation) -> str:
            page = interpretation.value
            if not isinstance(page, LogPage):
                return _evidence(cursor=cursor, limit=limit, probe=probe)
            return _page_evidence(page, cursor, limit, probe)

        return self._call("get_run_logs", path, resource_id=run_id, describe=describe)

    def close(self) -> None:
        """Close the connection."""
        self._caller.transport.close()


@lru_cache(maxsize=1024)
def _import_evidence(expected: ExpectedCounts | None, probe: str) -> tuple[str, str]:
    """Begin and end of a cache import's evidence, which are the same for many imports."""
    counts = {} if expected is None else msgspec.structs.asdict(expected)
    sent = sum(counts.values()) if counts else 1
    expected_fields = "".join(f',"{name}":{count}' for name, count in counts.items())
    return f'{{"sent":{sent}', expected_fields + (f',"probe":"{probe}"}}' if probe else "}")


def _evidence(**facts: Any) -> str:
    """Facts as a JSON object, without the empty ones; "" when none is left."""
    given = {name: value for name, value in facts.items() if value not in ("", None)}
    return _encode(given).decode() if given else ""


def _state_evidence(probe: str) -> Callable[[Interpretation], str]:
    def describe(interpretation: Interpretation) -> str:
        return _evidence(state=interpretation.state, probe=probe)

    return describe


def _page_evidence(page: LogPage, cursor: Cursor, limit: int, probe: str) -> str:
    lines = page.logs
    order = order_of([line.cursor for line in lines])
    ends = [lines[0].cursor, lines[-1].cursor] if lines else [None, None]
    # A page may have its newest line first; evidence has the oldest first.
    first, last = reversed(ends) if order == -1 else ends
    digest = digest16(_encode([(line.cursor, line.message) for line in lines]))
    return _evidence(
        cursor=cursor,
        next=page.next_before_log_cursor,
        first=first,
        last=last,
        lines=len(lines),
        limit=limit,
        digest=digest,
        ascending=None if order is None else order != 0,
        probe=probe,
    )
