"""
CDP connect: open a session, drive its browser over DevTools, close it.

The shape of a script that brings its own driver: what counts is how soon the browser
is there (``ready_us`` in the evidence of ``cdp.Browser.getVersion``: from the moment
create_session was sent) and how long a command takes.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.contract.shapes import CreatedSession
from harness.contract.vocabulary import ORIGINS
from harness.fields import Number, Table
from harness.load.user import ScenarioUser, Visit
from harness.sockets.devtools import DevTools
from scenarios._socket_round import SocketRound


class CdpConnect(SocketRound):
    """One round: create, connect, version, page, navigate, evaluate, screenshot, delete."""

    class Settings(Table):
        """``[scenario.cdp_connect]``."""

        pages: Annotated[int, Field(ge=1, le=1000)] = 2
        """Addresses visited in one round."""
        think: tuple[Number, Number] = (0.05, 0.25)
        """Pause before each address, seconds, uniform in this range."""
        url: str = ""
        """Address to visit; "" takes made-up ones, which a real browser does not reach."""

    def __init__(self, settings: Settings, _seed: int) -> None:
        super().__init__("cdp")
        self._settings = settings

    def work(self, visit: Visit, created: CreatedSession, begun_ns: int) -> None:
        """Drive the browser over the CDP socket."""
        tools = visit.client.devtools(created)
        try:
            if not tools.connect().ok or tools.version(begun_ns) is None:
                return
            if visit.probing():
                self.probes.try_open(visit, created)
            page = tools.open_page()
            if page is None:
                return
            self._visit_pages(visit, tools, page.session)
            tools.command("Target.closeTarget", targetId=page.target)
        finally:
            tools.line.close()

    def _visit_pages(self, visit: Visit, tools: DevTools, session: str) -> None:
        settings, chance = self._settings, visit.chance
        for _ in range(settings.pages):
            tools.line.think(chance.uniform(*settings.think))
            if visit.stopping or not tools.line.up:
                return
            url = settings.url or f"{chance.choice(ORIGINS)}/"
            tools.command("Page.navigate", session, url=url)
            tools.command(
                "Runtime.evaluate", session, expression="document.title", returnByValue=True
            )
        tools.command("Page.captureScreenshot", session, format="jpeg", quality=50)


class CdpConnectUser(ScenarioUser):
    """A user who brings his own driver."""

    workloads = {"cdp_connect": CdpConnect}  # noqa: RUF012  as Locust's own class settings
