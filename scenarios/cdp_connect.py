"""
CDP connect: open a session, drive its browser over DevTools, close it.

It shows how fast a browser is ready (``ready_us`` in the evidence of ``cdp.Browser.getVersion``,
since create_session was sent) and how long a command takes.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.client.sockets.devtools import DevTools
from harness.contract.response_models import CreatedSession
from harness.fields import Number, Table
from harness.load.user import Iteration, ScenarioUser
from harness.workload.fake_names import ORIGINS
from scenarios._socket_workload import SocketWorkload


class CdpConnect(SocketWorkload):
    """One iteration: create, connect, version, page, navigate, evaluate, screenshot, delete."""

    class Settings(Table):
        """``[scenario.cdp_connect]``."""

        pages: Annotated[int, Field(ge=1, le=1000)] = 2  # pages visited per iteration
        # Pause before each page, seconds, uniform in this range.
        think: tuple[Number, Number] = (0.05, 0.25)
        url: str = ""  # URL to visit; "" takes invented ones, which a real browser cannot reach

    def __init__(self, settings: Settings, _seed: int) -> None:
        super().__init__("cdp")
        self._settings = settings

    def work(self, iteration: Iteration, created: CreatedSession, begun_ns: int) -> None:
        """Drive the browser over the CDP socket."""
        devtools = iteration.client.devtools(created)
        try:
            if not devtools.connect().ok or devtools.version(begun_ns) is None:
                return
            if iteration.should_probe():
                self.probe_open(iteration, created)
            page = devtools.open_page()
            if page is None:
                return
            self._visit_pages(iteration, devtools, page.session)
            devtools.command("Target.closeTarget", targetId=page.target)
        finally:
            devtools.connection.close()

    def _visit_pages(self, iteration: Iteration, devtools: DevTools, session: str) -> None:
        settings, rng = self._settings, iteration.rng
        for _ in range(settings.pages):
            devtools.connection.pause(rng.uniform(*settings.think))
            if iteration.stopping or not devtools.connection.is_open:
                return
            url = settings.url or f"{rng.choice(ORIGINS)}/"
            devtools.command("Page.navigate", session, url=url)
            devtools.command(
                "Runtime.evaluate", session, expression="document.title", returnByValue=True
            )
        devtools.command("Page.captureScreenshot", session, format="jpeg", quality=50)


class CdpConnectUser(ScenarioUser):
    """A user with an own CDP driver."""

    workloads = {"cdp_connect": CdpConnect}  # noqa: RUF012  as Locust's own class settings
