"""
The methods of the action socket, done in a real page over the DevTools protocol.

Elements are found in the page by a selector or by the number that the last snapshot gave
them; a description is not understood here (there is no model behind the stand-in). Clicks
and typing are the browser's own input events, so that a page reacts as it would to a user.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from harness.standin.browsers.scripts import ELEMENT, PAGE, SNAPSHOT
from harness.standin.browsers.wire import Wire, WireError
from harness.standin.sockets.page import ActionProblem

ACTION_TIMEOUT_S = 20.0
_POLL_S = 0.05
_CLICKS = {"click": ("left", 1), "dblclick": ("left", 2), "rightclick": ("right", 1)}
_POINTED = frozenset({*_CLICKS, "hover", "scroll", "input", "select"})
_READS = {
    "getElementText": "text", "getElementValue": "value",
    "getElementAttributes": "attributes", "getElementBoundingBox": "box",
}  # fmt: skip


_message = msgspec.json.Decoder(dict[str, Any]).decode


class ChromiumPage:
    """
    What does a session's actions: one connection to its browser, one active tab.

    Args:
        dial: Connects to the browser.
    """

    def __init__(self, dial: Callable[[], Awaitable[Wire]]) -> None:
        self._dial = dial
        self._lock = asyncio.Lock()
        self._wire: Wire | None = None
        self._pump: asyncio.Task[None] | None = None
        self._number = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._attached: dict[str, str] = {}
        self._order: list[str] = []
        self._active = ""

    async def act(self, method: str, args: dict[str, Any]) -> Any:
        """
        Do one action; they are done one after the other.

        Raises:
            ActionProblem: It cannot be done.
        """
        try:
            async with self._lock, asyncio.timeout(ACTION_TIMEOUT_S):
                return await self._act(method, args)
        except TimeoutError:
            raise ActionProblem("ACTION_TIMEOUT", f"{method} took too long") from None
        except (WireError, KeyError):
            raise ActionProblem("CLOUD_RUNTIME_GONE", "the browser is gone") from None

    async def close(self) -> None:
        """Leave the browser."""
        wire = self._wire
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        if wire is not None:
            await wire.close()

    async def _act(self, method: str, args: dict[str, Any]) -> Any:
        if method in _POINTED:
            return await self._point(method, args)
        if method in _READS:
            return (await self._find(args))[_READS[method]]
        if method in PAGE:
            return await self._evaluate(PAGE[method])
        handler = _METHODS.get(method)
        if handler is None:
            raise ActionProblem("CLOUD_UNSUPPORTED_METHOD", "not with a real browser")
        return await handler(self, args)

    async def goto(self, args: dict[str, Any]) -> None:
        """Go to an address, and wait until it is loaded."""
        url = args.get("url")
        if not isinstance(url, str) or not (
            "://" in url or url.startswith(("about:", "data:"))
        ):
            raise ActionProblem("INVALID_OPTIONS", "a url with a scheme")
        answer = await self._command("Page.navigate", {"url": url}, page=True)
        if answer.get("errorText"):
            raise ActionProblem("TARGET_UNAVAILABLE", str(answer["errorText"]))
        await self._until("document.readyState === 'complete'")

    async def snapshot(self, _args: dict[str, Any]) -> Any:
        """The document, its elements numbered."""
        return await self._evaluate(SNAPSHOT)

    async def screenshot(self, _args: dict[str, Any]) -> str:
        """What the page looks like."""
        answer = await self._command("Page.captureScreenshot", {"format": "png"}, page=True)
        return str(answer["data"])

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
        """Type into whatever has the focus."""
        await self._command("Input.insertText", {"text": str(args.get("text", ""))}, page=True)
        return _done("type")

    async def press_key(self, args: dict[str, Any]) -> dict[str, Any]:
        """Press and release one key."""
        key = str(args.get("key", "Enter"))
        typed = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        code = {"Enter": 13, "Tab": 9, "Backspace": 8, "Escape": 27}.get(key, 0)
        event = {"key": key, "text": typed, "windowsVirtualKeyCode": code}
        for kind in ("keyDown", "keyUp"):
            await self._command("Input.dispatchKeyEvent", event | {"type": kind}, page=True)
        return _done("pressKey")

    async def tabs(self, _args: dict[str, Any]) -> list[dict[str, Any]]:
        """All tabs, oldest first."""
        await self._session()
        return [
            {
                "index": index, "url": tab["url"], "title": tab["title"],
                "active": tab["targetId"] == self._active,
            }
            for index, tab in enumerate(await self._targets())
        ]  # fmt: skip

    async def new_tab(self, args: dict[str, Any]) -> dict[str, Any]:
        """Open a tab and turn to it."""
        made = await self._command("Target.createTarget", {"url": "about:blank"})
        self._active = str(made["targetId"])
        if args.get("url"):
            await self.goto(args)
        tabs = await self.tabs({})
        return next(tab for tab in tabs if tab["active"])

    async def switch_tab(self, args: dict[str, Any]) -> None:
        """Turn to a tab."""
        self._active = await self._tab(args)
        await self._command("Target.activateTarget", {"targetId": self._active})

    async def close_tab(self, args: dict[str, Any]) -> None:
        """Close a tab; the last one is replaced by an empty one."""
        await self._session()
        target = await self._tab(args) if "index" in args else self._active
        if len(await self._targets()) == 1:
            await self._command("Target.createTarget", {"url": "about:blank"})
        await self._command("Target.closeTarget", {"targetId": target})
        # Chromium answers before the tab is gone from its list.
        while target in {tab["targetId"] for tab in await self._targets()}:  # noqa: ASYNC110  nor the list
            await asyncio.sleep(_POLL_S)
        self._attached.pop(target, None)
        self._active = "" if self._active == target else self._active

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
        """Forget all cookies."""
        await self._command("Storage.clearCookies")

    async def clear_cache(self, _args: dict[str, Any]) -> None:
        """Forget what was cached."""
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
        return _done(method)

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
        given = ",".join(
            msgspec.json.encode(each).decode() for each in (selector, method, value)
        )
        found = await self._evaluate(f"({ELEMENT})({given})")
        if "problem" in found:
            raise ActionProblem(found["problem"], f"{selector[:200]}: {found['problem']}")
        return dict(found)

    async def _evaluate(self, expression: str) -> Any:
        asked = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        answer = await self._command("Runtime.evaluate", asked, page=True)
        if "exceptionDetails" in answer:
            raise ActionProblem("UNKNOWN", "the page's script failed")
        return answer["result"].get("value")

    async def _until(self, condition: str) -> None:
        while not await self._evaluate(condition):  # noqa: ASYNC110  a page has no event for it
            await asyncio.sleep(_POLL_S)

    async def _targets(self) -> list[dict[str, Any]]:
        found = (await self._command("Target.getTargets"))["targetInfos"]
        pages = {target["targetId"]: target for target in found if target["type"] == "page"}
        # Chromium's own order changes; a tab keeps the place in which it was first seen.
        new = [target for target in reversed(pages) if target not in self._order]
        self._order = [target for target in self._order if target in pages] + new
        return [pages[target] for target in self._order]

    async def _tab(self, args: dict[str, Any]) -> str:
        index, tabs = args.get("index"), await self._targets()
        if isinstance(index, int) and 0 <= index < len(tabs):
            return str(tabs[index]["targetId"])
        raise ActionProblem("INVALID_OPTIONS", "no tab of that index")

    async def _session(self) -> str:
        tabs = [str(tab["targetId"]) for tab in await self._targets()]
        if self._active not in tabs:  # closed, here or by another client
            self._active = tabs[0] if tabs else ""
        if not self._active:
            made = await self._command("Target.createTarget", {"url": "about:blank"})
            self._active = str(made["targetId"])
        if self._active not in self._attached:
            asked = {"targetId": self._active, "flatten": True}
            answer = await self._command("Target.attachToTarget", asked)
            self._attached[self._active] = str(answer["sessionId"])
        return self._attached[self._active]

    async def _command(
        self, method: str, params: dict[str, Any] | None = None, *, page: bool = False
    ) -> dict[str, Any]:
        place = {"sessionId": await self._session()} if page else {}
        if self._wire is None:
            self._wire = await self._dial()
            self._pump = asyncio.create_task(self._read(self._wire))
        self._number += 1
        number = self._number
        future = self._answers[number] = asyncio.get_running_loop().create_future()
        asked = {"id": number, "method": method, "params": params or {}, **place}
        try:
            await self._wire.send(msgspec.json.encode(asked).decode())
            answer = await future
        finally:
            del self._answers[number]
        if "error" in answer:
            raise ActionProblem("UNKNOWN", str(answer["error"].get("message", ""))[:500])
        return dict(answer["result"])

    async def _read(self, wire: Wire) -> None:
        try:
            while True:
                for text in await wire.receive():
                    message = _read_message(text)
                    future = self._answers.get(message.get("id", 0))
                    if future is not None and not future.done():
                        future.set_result(message)
        except WireError:
            pass
        finally:
            self._wire = None  # the next command connects anew
            self._attached.clear()
            for future in self._answers.values():
                if not future.done():
                    future.set_exception(WireError("the browser is gone"))
            await wire.close()


def _read_message(text: str) -> dict[str, Any]:
    """A message of the browser; what is none is empty."""
    try:
        return _message(text)
    except msgspec.DecodeError:
        pass
    try:
        # A text of JavaScript's may hold half a character: JSON can spell it, UTF-8 cannot.
        whole = json.dumps(json.loads(text), ensure_ascii=False).encode(errors="replace")
        return _message(whole)
    except (ValueError, RecursionError):
        return {}


def _done(method: str) -> dict[str, Any]:
    return {"method": method, "namespace": "default", "persisted": False, "pathFile": None}


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
