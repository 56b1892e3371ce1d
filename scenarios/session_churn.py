"""
Session churn: open a session, wait until it is active, close it.

The shape of a fleet of short jobs: what counts is how fast a browser is there and
whether every one of them is given back. Whatever happens on the way, the round
tries to close what it opened; the sweep at the end closes what it could not.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.client import OpensteerClient
from harness.contract.payloads import altered
from harness.fields import Duration, Table
from harness.load.user import ScenarioUser, Visit
from harness.units import NS_PER_MS, NS_PER_S

_WAITING = frozenset({"provisioning"})


class SessionChurn:
    """One round: create, get until active, hold, delete."""

    class Settings(Table):
        """``[scenario.session_churn]``."""

        poll: Duration = 100 * NS_PER_MS
        """Pause between two looks at a session that is being provisioned."""
        polls: Annotated[int, Field(ge=1, le=10_000)] = 50
        """Looks at most."""
        hold: Duration = 0
        """How long an active session is kept open."""
        slot_deadline: Duration = 5 * NS_PER_S
        """What ``sessions.lifecycle`` demands: a closed session's slot is free after this."""

    def __init__(self, settings: Settings, _seed: int) -> None:
        self._settings = settings

    def round(self, visit: Visit) -> None:
        """Make the calls of one arrival."""
        client, settings = visit.client, self._settings
        body, key = visit.session_body(), visit.key()
        session_id = client.create_session(body, key).answer.resource_id
        if not session_id:
            return
        if visit.probing():
            self._ask_again(visit, body, key)
        try:
            self._wait_active(visit, session_id)
            if settings.hold:
                visit.sleep(settings.hold / NS_PER_S)
        finally:
            client.delete_session(session_id)
        if visit.probing():
            visit.as_probe()
            client.get_session(session_id, probe="deleted_again")

    def _ask_again(self, visit: Visit, body: bytes, key: str) -> None:
        def same(client: OpensteerClient) -> None:
            client.create_session(body, key, probe="same_key_same_body")

        def much_later(client: OpensteerClient) -> None:
            again = client.create_session(body, key, probe="same_key_same_body")
            if again.answer.resource_id:  # should it be another session, it is not to stay
                client.delete_session(again.answer.resource_id, probe="deleted_again")

        visit.as_probe()
        if visit.chance.random() < 0.5:
            same(visit.client)
            visit.remember(much_later)
        else:
            visit.client.create_session(altered(body), key, probe="same_key_other_body")
        visit.as_load()

    def _wait_active(self, visit: Visit, session_id: str) -> None:
        for _ in range(self._settings.polls):
            result = visit.client.get_session(session_id)
            if not result.ok or result.answer.state not in _WAITING or visit.stopping:
                return
            visit.sleep(self._settings.poll / NS_PER_S)


class SessionChurnUser(ScenarioUser):
    """A user who churns sessions."""

    workloads = {"session_churn": SessionChurn}  # noqa: RUF012  as Locust's own class settings
