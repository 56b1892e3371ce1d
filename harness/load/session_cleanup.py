"""
Session cleanup: close what is open when the load is over.

Sessions in the ledger are deleted. A create whose response was lost is sent again with its key
and body: the response names its session (or a new one), which is then deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import gevent
from gevent.pool import Pool

from harness.attempt import ReservedPhase
from harness.client.call import ClientContext
from harness.client.ledger import Ledger
from harness.client.opensteer_client import OpensteerClient
from harness.client.retries import RetryBudget, RetryPolicy
from harness.wire import Transport

CLEANUP_CLIENTS = 16
CLEANUP_POLICY = RetryPolicy(attempts=50, cap_s=2.0, deadline_s=30.0)
"""Many attempts per call; the deadline of the cleanup bounds them."""
_CALL_ID_GAP = 1 << 36
"""More calls than a process makes, and a small part of a worker's ids."""


class _UnlimitedBudget(RetryBudget):
    """Cleanup is no load: it may always retry."""

    def spend(self) -> bool:
        return True


def close_sessions(
    ledger: Ledger, context: ClientContext, connect: Callable[[], Transport], deadline_s: float
) -> int:
    """
    Close everything the ledger holds; return how many sessions and unconfirmed creates are left.

    The attempts are the context's. ``connect`` makes a transport for each cleanup client.
    """
    if ledger.is_empty:
        return 0
    cleanup_context = replace(
        context,
        policy=CLEANUP_POLICY,
        budget=_UnlimitedBudget(1.0),
        stopping=False,
        sleep=gevent.sleep,
        # Users whose grace period is over may still use the context's ids.
        next_call_id=context.next_call_id + _CALL_ID_GAP,
    )
    clients = [
        OpensteerClient(connect(), cleanup_context, ledger)
        for _ in range(min(CLEANUP_CLIENTS, len(ledger.open) + len(ledger.unconfirmed)))
    ]
    try:
        with gevent.Timeout(deadline_s, False):  # noqa: FBT003  gevent's own form
            _close_all(ledger, clients)
    finally:
        for client in clients:
            client.close()
    return len(ledger.open) + len(ledger.unconfirmed)


def _close_all(ledger: Ledger, clients: list[OpensteerClient]) -> None:
    """
    Close open sessions, then resolve unconfirmed creates and close their sessions.

    A full target may refuse a create until one of our sessions is closed.
    """
    still_open = iter(list(ledger.open))

    def close(client: OpensteerClient) -> None:
        for session_id in still_open:
            client.begin_iteration(ReservedPhase.CLEANUP.value, 0)
            client.delete_session(session_id)

    _run_on_each(close, clients)
    unconfirmed = iter(list(ledger.unconfirmed.items()))

    def settle(client: OpensteerClient) -> None:
        for key, body in unconfirmed:
            client.begin_iteration(ReservedPhase.CLEANUP.value, 0)
            session_id = client.create_session(body, key).interpretation.resource_id
            if session_id:
                client.begin_iteration(ReservedPhase.CLEANUP.value, 0)
                client.delete_session(session_id)

    _run_on_each(settle, clients)


def _run_on_each(work: Callable[[OpensteerClient], None], clients: list[OpensteerClient]) -> None:
    pool = Pool(len(clients))
    try:
        for client in clients:
            pool.spawn(work, client)
        pool.join()
    finally:
        pool.kill()
