"""
The sweep: closing what is still open when the load is over.

Whatever ended the load, sessions in the ledger are deleted, and creates whose
answer was lost are sent once more under their key and body: the answer names the
session, if one was made (and makes one, if none was), and then it is deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import gevent
from gevent.pool import Pool

from harness.attempt import Phase
from harness.client.call import Seat
from harness.client.ledger import Ledger
from harness.client.opensteer_client import OpensteerClient
from harness.client.retries import RetryBudget, RetryPolicy
from harness.wire import Transport

SWEEPERS = 16
SWEEP_POLICY = RetryPolicy(attempts=50, cap_s=2.0, deadline_s=30.0)
"""Cleaning up is worth many polite tries; the deadline of the whole sweep bounds them."""
_CALL_IDS_APART = 1 << 36
"""More calls than one process ever makes, and a small part of the ids that a worker has."""


class _Endless(RetryBudget):
    """Cleanup is no load: it may always try again."""

    def spend(self) -> bool:
        return True


def sweep(
    ledger: Ledger, seat: Seat, connect: Callable[[], Transport], deadline_s: float
) -> int:
    """
    Close everything the ledger holds.

    Args:
        ledger: What is open, and what is in doubt.
        seat: Whose attempts these are.
        connect: Makes a transport for each sweeper.
        deadline_s: When to give up.

    Returns:
        How many sessions and doubtful creates could not be settled.
    """
    if ledger.settled:
        return 0
    own = replace(
        seat,
        policy=SWEEP_POLICY,
        budget=_Endless(1.0),
        stopping=False,
        sleep=gevent.sleep,
        # Users whose grace is over may be at work still, and go on counting from the seat's.
        next_call_id=seat.next_call_id + _CALL_IDS_APART,
    )
    clients = [
        OpensteerClient(connect(), own, ledger)
        for _ in range(min(SWEEPERS, len(ledger.open) + len(ledger.doubtful)))
    ]
    try:
        with gevent.Timeout(deadline_s, False):  # noqa: FBT003  gevent's own form
            _drain(ledger, clients)
    finally:
        for client in clients:
            client.close()
    return len(ledger.open) + len(ledger.doubtful)


def _drain(ledger: Ledger, clients: list[OpensteerClient]) -> None:
    """
    Close what is open, then settle the doubtful creates and close what they made.

    In this order: where the target is full, it is full of our own sessions, and a
    doubtful create could not be answered before one of them is closed.
    """
    still_open = iter(list(ledger.open))

    def close(client: OpensteerClient) -> None:
        for session_id in still_open:
            client.arrive(Phase.CLEANUP.value, 0)
            client.delete_session(session_id)

    _each(close, clients)
    doubtful = iter(list(ledger.doubtful.items()))

    def settle(client: OpensteerClient) -> None:
        for key, body in doubtful:
            client.arrive(Phase.CLEANUP.value, 0)
            session_id = client.create_session(body, key).answer.resource_id
            if session_id:
                client.arrive(Phase.CLEANUP.value, 0)
                client.delete_session(session_id)

    _each(settle, clients)


def _each(work: Callable[[OpensteerClient], None], clients: list[OpensteerClient]) -> None:
    pool = Pool(len(clients))
    try:
        for client in clients:
            pool.spawn(work, client)
        pool.join()
    finally:
        pool.kill()
