"""
SDK session: the calls of the public SDK, in its order.

It imports the selector cache in batches of 200 and ignores errors, then opens the session, the
action socket and the CDP socket, calls the action ``tabs``, works, and closes all. Like the SDK, it
never retries or reconnects, sends no Idempotency-Key, ignores Retry-After, and takes a closed
connection for a closed session: its outcomes are what SDK users see under load.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.client.opensteer_client import ExpectedCounts, OpensteerClient
from harness.contract.response_models import CreatedSession
from harness.fields import Number, Share, Table
from harness.load.user import Iteration, ScenarioUser
from harness.workload.entries import EntryPool
from harness.workload.journeys import make_journey

BATCH = 200
"""Entries per request of the SDK."""
_NUMBERS_PER_ITERATION = 1_000_000


class SdkSession:
    """One iteration: import, create, both sockets, tabs, a journey, close all."""

    sockets = 2  # concurrent sockets per user

    class Settings(Table):
        """``[scenario.sdk_session]``."""

        cached: Share = 0.3  # share of users with a selector cache
        entries: Annotated[int, Field(ge=1, le=10_000)] = 250  # entries per cache
        # Pause before each action, seconds, uniform in this range.
        think: tuple[Number, Number] = (0.05, 0.25)

    def __init__(self, settings: Settings, seed: int) -> None:
        self._settings = settings
        self._pool = EntryPool(seed, style="sdk")

    def run_iteration(self, iteration: Iteration) -> None:
        """Make the calls of one arrival."""
        client = iteration.client.without_retries()
        client.begin_iteration(iteration.phase, iteration.client.intended_ns)
        if iteration.rng.random() < self._settings.cached:
            self._import(iteration, client)
        result = client.create_session(iteration.session_body(), "")
        session_id, created = result.interpretation.resource_id, result.interpretation.value
        if not session_id:
            return
        try:
            if isinstance(created, CreatedSession):
                self._work(iteration, client, created)
        finally:
            client.delete_session(session_id)

    def _import(self, iteration: Iteration, client: OpensteerClient) -> None:
        first, size = iteration.number * _NUMBERS_PER_ITERATION, self._settings.entries
        for begin in range(0, size, BATCH):
            numbers = range(first + begin, first + min(begin + BATCH, size))
            body = self._pool.batch([(number, 0) for number in numbers])
            client.import_selector_cache(body, "", ExpectedCounts(fresh=len(numbers)))
            if iteration.stopping:
                return

    def _work(self, iteration: Iteration, client: OpensteerClient, created: CreatedSession) -> None:
        actions, devtools = client.actions(created), client.devtools(created)
        try:
            if not actions.connect().ok or not devtools.connect().ok:
                return
            if actions.perform("tabs", {}) is None:
                return
            for step in make_journey(iteration.seed, iteration.number):
                actions.connection.pause(iteration.rng.uniform(*self._settings.think))
                if iteration.stopping or actions.perform(step.method, step.args) is None:
                    return
        finally:
            actions.connection.close()
            devtools.connection.close()


class SdkSessionUser(ScenarioUser):
    """A user of the SDK."""

    workloads = {"sdk_session": SdkSession}  # noqa: RUF012  as Locust's own class settings
