"""
Session actions: open a session, walk a user's journey over its action socket, close it.

The shape of an agent at work: what counts is how long each action takes, and that a
socket stays up for the whole journey. A lost socket is opened again as often as
``reconnects`` allows; then the journey is over, and the session is closed all the same.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.contract.journeys import Step, make_journey
from harness.contract.shapes import CreatedSession
from harness.fields import Number, Share, Table
from harness.load.user import ScenarioUser, Visit
from harness.sockets.actions import Actions
from scenarios._socket_round import SocketRound

_LOOKS = (Step("getTitle", {}), Step("tabs", {}), Step("getHtml", {}))


class SessionActions(SocketRound):
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

    def work(self, visit: Visit, created: CreatedSession, _begun_ns: int) -> None:
        """Walk a journey on the action socket."""
        actions = visit.client.actions(created, self._settings.reconnects)
        try:
            if not actions.connect().ok:
                return
            if visit.probing():
                self.probes.try_open(visit, created)
            self._walk(visit, actions)
        finally:
            actions.line.close()

    def _walk(self, visit: Visit, actions: Actions) -> None:
        settings, chance = self._settings, visit.chance
        for step in make_journey(visit.seed, visit.number):
            actions.line.think(chance.uniform(*settings.think))
            if visit.stopping or actions.act(step.method, step.args) is None:
                return
        if chance.random() < settings.together:
            actions.act_together(_LOOKS)


class SessionActionsUser(ScenarioUser):
    """A user who works in sessions."""

    workloads = {"session_actions": SessionActions}  # noqa: RUF012  as Locust's own class settings
