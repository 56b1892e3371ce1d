"""
Session actions: open a session, run a user's journey over its action socket, close it.

It shows how long each action takes and whether the socket stays open during the journey. A lost
socket is reopened up to ``reconnects`` times; then the journey ends and the session is closed.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.client.sockets.actions import ActionSocket
from harness.contract.response_models import CreatedSession
from harness.fields import Number, Share, Table
from harness.load.user import Iteration, ScenarioUser
from harness.workload.journeys import JourneyStep, make_journey
from scenarios._socket_workload import SocketWorkload

_PAGE_READS = (JourneyStep("getTitle", {}), JourneyStep("tabs", {}), JourneyStep("getHtml", {}))


class SessionActions(SocketWorkload):
    """One iteration: create, connect, a journey of actions with pauses, delete."""

    class Settings(Table):
        """``[scenario.session_actions]``."""

        # Pause before each action, seconds, uniform in this range.
        think: tuple[Number, Number] = (0.05, 0.25)
        # Reconnects of a lost socket per iteration.
        reconnects: Annotated[int, Field(ge=0, le=100)] = 1
        together: Share = 0.2  # share of journeys that end with three concurrent reads of the page

    def __init__(self, settings: Settings, _seed: int) -> None:
        super().__init__("action")
        self._settings = settings

    def work(self, iteration: Iteration, created: CreatedSession, _begun_ns: int) -> None:
        """Run a journey on the action socket."""
        actions = iteration.client.actions(created, self._settings.reconnects)
        try:
            if not actions.connect().ok:
                return
            if iteration.should_probe():
                self.probe_open(iteration, created)
            self._run_journey(iteration, actions)
        finally:
            actions.connection.close()

    def _run_journey(self, iteration: Iteration, actions: ActionSocket) -> None:
        settings, rng = self._settings, iteration.rng
        for step in make_journey(iteration.seed, iteration.number):
            actions.connection.pause(rng.uniform(*settings.think))
            if iteration.stopping or actions.perform(step.method, step.args) is None:
                return
        if rng.random() < settings.together:
            actions.perform_all(_PAGE_READS)


class SessionActionsUser(ScenarioUser):
    """A user who works in a session."""

    workloads = {"session_actions": SessionActions}  # noqa: RUF012  as Locust's own class settings
