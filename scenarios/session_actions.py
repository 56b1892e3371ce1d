"""
Session actions: open a session, walk a user's journey over its action socket, close it.

The shape of an agent at work: what counts is how long each action takes, and that a
socket stays up for the whole journey. A lost socket is opened again as often as
``reconnects`` allows; then the journey is over, and the session is closed all the same.
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
    """One round: create, connect, a journey of actions with thinking between, delete."""

    class Settings(Table):
        """``[scenario.session_actions]``."""

        think: tuple[Number, Number] = (0.05, 0.25)
        """Pause before each action, seconds, uniform in this range."""
        reconnects: Annotated[int, Field(ge=0, le=100)] = 1
        """How often a lost socket is opened again in one round."""
        together: Share = 0.2
        """Share of journeys that end with three looks at the page at once."""

    def __init__(self, settings: Settings, _seed: int) -> None:
        super().__init__("action")
        self._settings = settings

    def work(self, iteration: Iteration, created: CreatedSession, _begun_ns: int) -> None:
        """Walk a journey on the action socket."""
        actions = iteration.client.actions(created, self._settings.reconnects)
        try:
            if not actions.connect().ok:
                return
            if iteration.should_probe():
                self.probes.probe_open(iteration, created)
            self._walk(iteration, actions)
        finally:
            actions.connection.close()

    def _walk(self, iteration: Iteration, actions: ActionSocket) -> None:
        settings, rng = self._settings, iteration.rng
        for step in make_journey(iteration.seed, iteration.number):
            actions.connection.pause(rng.uniform(*settings.think))
            if iteration.stopping or actions.perform(step.method, step.args) is None:
                return
        if rng.random() < settings.together:
            actions.perform_all(_PAGE_READS)


class SessionActionsUser(ScenarioUser):
    """A user who works in sessions."""

    workloads = {"session_actions": SessionActions}  # noqa: RUF012  as Locust's own class settings
