"""
Session churn: open a session, wait until it is active, close it.

It shows how fast a browser is ready and whether every browser is released. An iteration always
tries to close its session; the session cleanup at the end closes the rest.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.client.opensteer_client import OpensteerClient
from harness.fields import Duration, Table
from harness.load.user import Iteration, ScenarioUser
from harness.units import NS_PER_MS, NS_PER_S
from harness.workload.payloads import mutate_body

_WAITING = frozenset({"provisioning"})


class SessionChurn:
    """One iteration: create, get until active, hold, delete."""

    class Settings(Table):
        """``[scenario.session_churn]``."""

        # Pause between polls of a session that is being provisioned.
        poll: Duration = 100 * NS_PER_MS
        polls: Annotated[int, Field(ge=1, le=10_000)] = 50  # maximum of polls
        hold: Duration = 0  # time that an active session stays open
        # Longest time until a closed session frees its slot (check ``sessions.lifecycle``).
        slot_deadline: Duration = 5 * NS_PER_S

    def __init__(self, settings: Settings, _seed: int) -> None:
        self._settings = settings

    def run_iteration(self, iteration: Iteration) -> None:
        """Make the calls of one arrival."""
        client, settings = iteration.client, self._settings
        body, key = iteration.session_body(), iteration.new_idempotency_key()
        session_id = client.create_session(body, key).interpretation.resource_id
        if not session_id:
            return
        if iteration.should_probe():
            self._probe_repeat(iteration, body, key)
        try:
            self._wait_active(iteration, session_id)
            if settings.hold:
                iteration.sleep(settings.hold / NS_PER_S)
        finally:
            client.delete_session(session_id)
        if iteration.should_probe():
            iteration.begin_probe()
            client.get_session(session_id, probe="deleted_again")

    def _probe_repeat(self, iteration: Iteration, body: bytes, key: str) -> None:
        def repeat(client: OpensteerClient) -> None:
            client.create_session(body, key, probe="same_key_same_body")

        def repeat_later(client: OpensteerClient) -> None:
            again = client.create_session(body, key, probe="same_key_same_body")
            if again.interpretation.resource_id:  # another session must not stay open
                client.delete_session(again.interpretation.resource_id, probe="deleted_again")

        iteration.begin_probe()
        if iteration.rng.random() < 0.5:
            repeat(iteration.client)
            iteration.schedule_probe(repeat_later)
        else:
            iteration.client.create_session(mutate_body(body), key, probe="same_key_other_body")
        iteration.end_probe()

    def _wait_active(self, iteration: Iteration, session_id: str) -> None:
        for _ in range(self._settings.polls):
            result = iteration.client.get_session(session_id)
            if not result.ok or result.interpretation.state not in _WAITING or iteration.stopping:
                return
            iteration.sleep(self._settings.poll / NS_PER_S)


class SessionChurnUser(ScenarioUser):
    """A user who opens and closes sessions."""

    workloads = {"session_churn": SessionChurn}  # noqa: RUF012  as Locust's own class settings
