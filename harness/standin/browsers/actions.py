"""
The methods of the action socket, done in a real page over the DevTools protocol.

Elements are found by a selector or by their number in the last snapshot; descriptions are not
supported. Clicks and typing are the browser's own input events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from harness.standin.browsers.cdp_client import CdpClient, CdpConnectionError
from harness.standin.browsers.driver import Driver
from harness.standin.browsers.scripts import ELEMENT, PAGE, SNAPSHOT
from harness.standin.sockets.page import ActionProblem, action_result

ACTION_TIMEOUT_S = 20.0
_POLL_S = 0.05
_CLICKS = {"click": ("left", 1), "dblclick": ("left", 2), "rightclick": ("right", 1)}
_ELEMENT_METHODS = frozenset({*_CLICKS, "hover", "scroll", "input", "select"})
_ELEMENT_READS = {
    "getElementText": "text", "getElementValue": "value",
    "getElementAttributes": "attributes", "getElementBoundingBox": "box",
}  # fmt: skip


class ChromiumPage:
    """Does a session's actions over one connection to its browser, in one active tab."""

    def __init__(self, dial: Callable[[], Awaitable[CdpClient]]) -> None:
        self._lock = asyncio.Lock()
        self._driver = Driver(dial)
        self._command = self._driver.command

    async def act(self, method: str, args: dict[str, Any]) -> Any:
        """
        Do one action after the other.

        Raises:
            ActionProblem: It cannot be done.
        """
        try:
            async with self._lock, asyncio.timeout(ACTION_TIMEOUT_S):
                return await self._act(method, args)
        except TimeoutError:
            raise ActionProblem("ACTION_TIMEOUT", f"{method} took too long") from None
        except (CdpConnectionError, KeyError):
            raise ActionProblem("CLOUD_RUNTIME_GONE", "the browser is gone") from None

    async def close(self) -> None:
        """Close the connection."""
        await self._driver.close()

    async def _act(self, method: str, args: dict[str, Any]) -> Any:
        if method in _ELEMENT_METHODS:
            return await self._point(method, args)
        if method in _ELEMENT_READS:
            return (await self._find(args))[_ELEMENT_READS[method]]
        if method in PAGE:
            return await self._evaluate(PAGE[method])
        handler = _METHODS.get(method)
        if handler is None:
            raise ActionProblem("CLOUD_UNSUPPORTED_METHOD", "not with a real browser")
        return await handler(self, args)

    async def goto(self, args: dict[str, Any]) -> None:
        """Navigate to an address, and wait until it is loaded."""
        url = args.get("url")
        if not isinstance(url, str) or not ("://" in url or url.startswith(("about:", "data:"))):
            raise ActionProblem("INVALID_OPTIONS", "a url with a scheme")
        response = await self._command("Page.navigate", {"url": url}, page=True)
        if response.get("errorText"):
            raise ActionProblem("TARGET_UNAVAILABLE", str(response["errorText"]))
        await self._until("document.readyState === 'complete'")

    async def snapshot(self, _args: dict[str, Any]) -> Any:
        """The document, with its elements numbered."""
        return await self._evaluate(SNAPSHOT)

    async def screenshot(self, _args: dict[str, Any]) -> str:
        """The page as PNG."""
        response = await self._command("Page.captureScreenshot", {"format": "png"}, page=True)
        return str(response["data"])

    async def wait_for_text(self, args: dict[str, Any]) -> None:
        """Wait until a text is on the page."""
        text, given = args.get("text"), args.get("timeout", 5000)
        if not isinstance(text, str) or not isinstance(given, int | float):
            raise ActionProblem("INVALID_OPTIONS", "a text to wait for")
        sought = msgspec.json.encode(text).decode()
        try:
            async with asyncio.timeout(min(given / 1000, ACTION_TIMEOUT_S)):
                await self._until(f"document.body?.innerText.includes({sought})")
        except TimeoutError:
            raise ActionProblem("ACTION_TIMEOUT", "the text did not appear") from None

    async def type_text(self, args: dict[str, Any]) -> dict[str, Any]:
        """Type into the focused element."""
        await self._command("Input.insertText", {"text": str(args.get("text", ""))}, page=True)
        return action_result("type")

    async def press_key(self, args: dict[str, Any]) -> dict[str, Any]:
        """Press and release one key."""
        key = str(args.get("key", "Enter"))
        typed = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        code = {"Enter": 13, "Tab": 9, "Backspace": 8, "Escape": 27}.get(key, 0)
        event = {"key": key, "text": typed, "windowsVirtualKeyCode": code}
        for kind in ("keyDown", "keyUp"):
            await self._command("Input.dispatchKeyEvent", event | {"type": kind}, page=True)
        return action_result("pressKey")

    async def tabs(self, _args: dict[str, Any]) -> list[dict[str, Any]]:
        """All tabs, oldest first."""
        await self._driver.session()
        return [
            {
                "index": index, "url": tab["url"], "title": tab["title"],
                "active": tab["targetId"] == self._driver.active,
            }
            for index, tab in enumerate(await self._driver.tabs())
        ]  # fmt: skip

    async def new_tab(self, args: dict[str, Any]) -> dict[str, Any]:
        """Open a tab and make it active."""
        made = await self._command("Target.createTarget", {"url": "about:blank"})
        self._driver.active = str(made["targetId"])
        if args.get("url"):
            await self.goto(args)
        tabs = await self.tabs({})
        return next(tab for tab in tabs if tab["active"])

    async def switch_tab(self, args: dict[str, Any]) -> None:
        """Make a tab active."""
        self._driver.active = await self._tab(args)
        await self._command("Target.activateTarget", {"targetId": self._driver.active})

    async def close_tab(self, args: dict[str, Any]) -> None:
        """Close a tab; an empty one replaces the last."""
        await self._driver.session()
        target = await self._tab(args) if "index" in args else self._driver.active
        if len(await self._driver.tabs()) == 1:
            await self._command("Target.createTarget", {"url": "about:blank"})
        await self._command("Target.closeTarget", {"targetId": target})
        # Chromium responds before the tab is gone from its list.
        while target in {tab["targetId"] for tab in await self._driver.tabs()}:  # noqa: ASYNC110  no event
            await asyncio.sleep(_POLL_S)
        self._driver.attached.pop(target, None)
        self._driver.active = "" if self._driver.active == target else self._driver.active

    async def cookies(self, _args: dict[str, Any]) -> Any:
        """All cookies."""
        return (await self._command("Storage.getCookies"))["cookies"]

    async def set_cookies(self, args: dict[str, Any]) -> None:
        """Set one cookie, or several."""
        given = args.get("cookies", [args.get("cookie", args)])
        if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
            raise ActionProblem("INVALID_OPTIONS", "a cookie is an object, cookies are a list")
        here = await self._evaluate("location.href")
        for cookie in given:
            place = {} if {"url", "domain"} & cookie.keys() else {"url": here}
            await self._command("Network.setCookie", cookie | place, page=True)

    async def clear_cookies(self, _args: dict[str, Any]) -> None:
        """Delete all cookies."""
        await self._command("Storage.clearCookies")

    async def clear_cache(self, _args: dict[str, Any]) -> None:
        """Clear the cache."""
        await self._command("Network.clearBrowserCache", page=True)

    async def _point(self, method: str, args: dict[str, Any]) -> dict[str, Any]:
        found = await self._find(args, method, args.get("text", args.get("value", "")))
        box = found["box"]
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        if method == "hover" or method in _CLICKS:
            await self._mouse("mouseMoved", at)
        button, times = _CLICKS.get(method, ("left", 0))
        for count in range(1, times + 1):
            for kind in ("mousePressed", "mouseReleased"):
                await self._mouse(kind, at | {"button": button, "clickCount": count})
        if method == "input":
            await self.type_text({"text": args.get("text", args.get("value", ""))})
        return action_result(method)

    async def _mouse(self, kind: str, event: dict[str, Any]) -> None:
        await self._command("Input.dispatchMouseEvent", event | {"type": kind}, page=True)

    async def _find(
        self, args: dict[str, Any], method: str = "", value: Any = ""
    ) -> dict[str, Any]:
        selector = args.get("selector")
        if isinstance(args.get("element"), int):
            selector = f'[data-element="{args["element"]}"]'
        if not isinstance(selector, str) or not selector:
            raise ActionProblem("INVALID_TARGET", "an element or a selector")
        given = ",".join(msgspec.json.encode(each).decode() for each in (selector, method, value))
        found = await self._evaluate(f"({ELEMENT})({given})")
        if "problem" in found:
            raise ActionProblem(found["problem"], f"{selector[:200]}: {found['problem']}")
        return dict(found)

    async def _evaluate(self, expression: str) -> Any:
        asked = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        response = await self._command("Runtime.evaluate", asked, page=True)
        if "exceptionDetails" in response:
            raise ActionProblem("UNKNOWN", "the page's script failed")
        return response["result"].get("value")

    async def _until(self, condition: str) -> None:
        while not await self._evaluate(condition):  # noqa: ASYNC110  no event
            await asyncio.sleep(_POLL_S)

    async def _tab(self, args: dict[str, Any]) -> str:
        index, tabs = args.get("index"), await self._driver.tabs()
        if isinstance(index, int) and 0 <= index < len(tabs):
            return str(tabs[index]["targetId"])
        raise ActionProblem("INVALID_OPTIONS", "no tab of that index")


_METHODS: dict[str, Callable[[ChromiumPage, dict[str, Any]], Awaitable[Any]]] = {
    "goto": ChromiumPage.goto,
    "snapshot": ChromiumPage.snapshot,
    "screenshot": ChromiumPage.screenshot,
    "waitForText": ChromiumPage.wait_for_text,
    "type": ChromiumPage.type_text,
    "pressKey": ChromiumPage.press_key,
    "tabs": ChromiumPage.tabs,
    "newTab": ChromiumPage.new_tab,
    "switchTab": ChromiumPage.switch_tab,
    "closeTab": ChromiumPage.close_tab,
    "getCookies": ChromiumPage.cookies,
    "exportCookies": ChromiumPage.cookies,
    "setCookie": ChromiumPage.set_cookies,
    "importCookies": ChromiumPage.set_cookies,
    "clearCookies": ChromiumPage.clear_cookies,
    "clearCache": ChromiumPage.clear_cache,
}
