"""
The browsers of a server: one per session, launched with it, watched, always ended.

A session's browser ends when the session is deleted or expires, or when the server ends. If it
ends by itself, its sockets are closed (1011), and upgrades get CLOUD_RUNTIME_GONE until the
session is deleted.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

import psutil

from harness.clock import unix_ns
from harness.standin.browsers.actions import ChromiumPage
from harness.standin.browsers.cdp_client import CdpClient
from harness.standin.browsers.chromium import Chromium, LaunchError
from harness.standin.sessions import Session
from harness.units import NS_PER_S

BROWSER_BYTES = 300 << 20
"""Estimated memory of one browser with a page."""


def sessions_that_fit_memory() -> int:
    """The number of browsers that fit into free memory; at least one."""
    return max(1, int(psutil.virtual_memory().available * 0.8) // BROWSER_BYTES)


class BrowserPool:
    """Every browser of the server; `lost` gets the session's id if one ends by itself."""

    def __init__(
        self, program: str, timeout_s: float, lost: Callable[[str], Awaitable[None]]
    ) -> None:
        self._program = program
        self._timeout_s = timeout_s
        self._lost = lost
        self._running: dict[str, Chromium] = {}
        self._pages: dict[str, ChromiumPage] = {}
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._stopping = False

    async def launch(self, session: Session) -> str:
        """Launch a session's browser; returns the code of its failure, or ""."""
        try:
            browser = await Chromium.launch(self._program, self._timeout_s)
        except LaunchError as error:
            sys.stderr.write(f"standin: no browser for {session.id}: {error}\n")
            return error.code
        if self._stopping:
            await browser.end()
            return "CLOUD_LAUNCH_FAILED"
        self._running[session.id] = browser
        watch = asyncio.create_task(self._watch(session, browser))
        self._watches[session.id] = watch
        return ""

    def is_up(self, session_id: str) -> bool:
        """Whether a session's browser runs."""
        browser = self._running.get(session_id)
        return browser is not None and not browser.gone.is_set()

    async def dial(self, session_id: str) -> CdpClient:
        """
        Connect to a session's browser.

        Raises:
            CdpConnectionError: It cannot be reached.
            KeyError: The session has none.
        """
        return await CdpClient.connect(self._running[session_id].endpoint)

    def page(self, session_id: str) -> ChromiumPage:
        """The page of a session; all its action sockets share it."""
        page = self._pages.get(session_id)
        if page is None:
            page = self._pages[session_id] = ChromiumPage(lambda: self.dial(session_id))
        return page

    async def close(self, session_id: str) -> None:
        """End a session's browser."""
        watch = self._watches.pop(session_id, None)
        if watch is not None and watch is not asyncio.current_task():
            watch.cancel()
        page = self._pages.pop(session_id, None)
        if page is not None:
            await page.close()
        browser = self._running.pop(session_id, None)
        if browser is not None:
            await browser.end()

    async def stop(self) -> None:
        """End all browsers."""
        self._stopping = True
        await asyncio.gather(*(self.close(session_id) for session_id in list(self._running)))

    async def _watch(self, session: Session, browser: Chromium) -> None:
        left_s = max(0.0, (session.expires_ns - unix_ns()) / NS_PER_S)
        try:
            async with asyncio.timeout(left_s):
                await browser.gone.wait()
        except TimeoutError:
            pass
        else:
            await self._lost(session.id)
        await self.close(session.id)
