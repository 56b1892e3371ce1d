"""
Sends commands to one browser, receives their responses, and keeps track of the active tab.

It connects at the first command, and again after a lost connection. A tab is attached once per
connection; the active tab stays the same across connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec

from harness.standin.browsers.cdp_client import (
    CdpClient,
    CdpConnectionError,
    replace_lone_surrogates,
)
from harness.standin.sockets.page import ActionProblem

_message = msgspec.json.Decoder(dict[str, Any]).decode


class Driver:
    """One connection to a browser at a time, made by `dial`."""

    def __init__(self, dial: Callable[[], Awaitable[CdpClient]]) -> None:
        self._dial = dial
        self._cdp_client: CdpClient | None = None
        self._reader: asyncio.Task[None] | None = None
        self._number = 0
        self._pending: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._order: list[str] = []
        self.attached: dict[str, str] = {}  # target id of a tab → its session on this connection
        self.active = ""  # the active tab's target id; "" if there is none yet

    async def close(self) -> None:
        """Close the connection."""
        cdp_client = self._cdp_client
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        if cdp_client is not None:
            await cdp_client.close()

    async def tabs(self) -> list[dict[str, Any]]:
        """All tabs, oldest first."""
        found = (await self.command("Target.getTargets"))["targetInfos"]
        pages = {target["targetId"]: target for target in found if target["type"] == "page"}
        # Chromium's order changes; a tab keeps its first position.
        new = [target for target in reversed(pages) if target not in self._order]
        self._order = [target for target in self._order if target in pages] + new
        return [pages[target] for target in self._order]

    async def session(self) -> str:
        """The active tab's session; if that tab is gone, of another or a new one."""
        tabs = [str(tab["targetId"]) for tab in await self.tabs()]
        if self.active not in tabs:  # closed, here or by another client
            self.active = tabs[0] if tabs else ""
        if not self.active:
            made = await self.command("Target.createTarget", {"url": "about:blank"})
            self.active = str(made["targetId"])
        if self.active not in self.attached:
            asked = {"targetId": self.active, "flatten": True}
            response = await self.command("Target.attachToTarget", asked)
            self.attached[self.active] = str(response["sessionId"])
        return self.attached[self.active]

    async def command(
        self, method: str, params: dict[str, Any] | None = None, *, page: bool = False
    ) -> dict[str, Any]:
        """
        Send one command, to the browser or to the active tab, and return its result.

        Raises:
            ActionProblem: The browser refuses it.
            CdpConnectionError: The browser is gone.
        """
        place = {"sessionId": await self.session()} if page else {}
        if self._cdp_client is None:
            self._cdp_client = await self._dial()
            self._reader = asyncio.create_task(self._read(self._cdp_client))
        self._number += 1
        number = self._number
        future = self._pending[number] = asyncio.get_running_loop().create_future()
        asked = {"id": number, "method": method, "params": params or {}, **place}
        try:
            await self._cdp_client.send(msgspec.json.encode(asked).decode())
            response = await future
        finally:
            del self._pending[number]
        if "error" in response:
            raise ActionProblem("UNKNOWN", str(response["error"].get("message", ""))[:500])
        return dict(response["result"])

    async def _read(self, cdp_client: CdpClient) -> None:
        try:
            while True:
                message = _read_message(await cdp_client.receive())
                future = self._pending.get(message.get("id", 0))
                if future is not None and not future.done():
                    future.set_result(message)
        except CdpConnectionError:
            pass
        finally:
            self._cdp_client = None  # the next command connects again
            self.attached.clear()
            for future in self._pending.values():
                if not future.done():
                    future.set_exception(CdpConnectionError("the browser is gone"))
            await cdp_client.close()


def _read_message(text: str) -> dict[str, Any]:
    """A message of the browser; {} if it is unreadable."""
    with suppress(msgspec.DecodeError):
        return _message(text)
    with suppress(ValueError, RecursionError):
        return _message(replace_lone_surrogates(text))
    return {}
