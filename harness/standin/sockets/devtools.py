"""
A browser endpoint of the Chrome DevTools Protocol with nothing behind it.

Commands in, answers and events out; pure. It knows targets, flattened sessions,
frames, contexts and the few evaluations that a load test makes; every other command is
answered ``{}``, which is enough for Playwright's ``connectOverCDP``.

Source: https://chromedevtools.github.io/devtools-protocol/ (Browser, Target, Page,
Runtime domains).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec

from harness.standin.sockets.evaluation import call, evaluate
from harness.standin.sockets.png import PNG_BASE64

CONTEXT = "CTX0"
_TARGETS_MAX = 64
_WORLDS_MAX = 8
_CHROME_PAGE = "chrome://newtab/"
_TREE_EVENTS = (
    "init",
    "commit",
    "DOMContentLoaded",
    "load",
    "networkAlmostIdle",
    "networkIdle",
)

Message = dict[str, Any]


class Command(msgspec.Struct):
    """One command of a client."""

    id: int
    method: str
    params: dict[str, Any] = {}
    sessionId: str = ""  # noqa: N815  the protocol's names


class CdpError(Exception):
    """
    A command that is refused.

    Attributes:
        code: The protocol's (JSON-RPC's) error code.
    """

    def __init__(self, message: str, code: int = -32000) -> None:
        super().__init__(message)
        self.code = code


class Target(msgspec.Struct):
    """One page."""

    id: str
    url: str
    session: str = ""
    loader: int = 0
    world: int = 0
    worlds: list[str] = []
    context: str = CONTEXT

    def info(self) -> Message:
        """Its TargetInfo."""
        return {
            "targetId": self.id, "type": "page", "title": self.url, "url": self.url,
            "attached": bool(self.session), "canAccessOpener": False,
            "browserContextId": self.context,
        }  # fmt: skip

    def frame(self) -> Message:
        """Its only frame."""
        return {
            "id": self.id, "loaderId": f"L{self.loader}", "url": self.url,
            "domainAndRegistry": "", "securityOrigin": "://", "mimeType": "text/html",
            "secureContextType": "InsecureScheme", "crossOriginIsolatedContextType":
            "NotIsolated", "gatedAPIFeatures": [],
        }  # fmt: skip


class DevTools:
    """
    One client's view of the browser.

    Args:
        chrome_page_first: Whether the list of pages begins with a chrome:// page.
    """

    def __init__(self, *, chrome_page_first: bool = False) -> None:
        self._numbers = count(1)
        self._attach = False
        self._targets: dict[str, Target] = {}
        self.closed = False
        if chrome_page_first:
            self._make(_CHROME_PAGE)
        self._make("about:blank")

    def handle(self, command: Command) -> list[Message]:
        """Answer a command: its answer, and the events it causes, in order of sending."""
        place = {"sessionId": command.sessionId} if command.sessionId else {}
        try:
            handler = _HANDLERS.get(command.method)
            target = self._of_session(command.sessionId) if command.sessionId else None
            if handler is None:
                return [{"id": command.id, "result": {}, **place}]
            result, before, after = handler(self, command, target)
        except CdpError as error:
            said = {"code": error.code, "message": str(error)}
            return [{"id": command.id, "error": said, **place}]
        return [*before, {"id": command.id, "result": result, **place}, *after]

    def _make(self, url: str) -> Target:
        if len(self._targets) >= _TARGETS_MAX:
            raise CdpError("too many targets")
        target = Target(f"T{next(self._numbers):04d}", url)
        self._targets[target.id] = target
        return target

    def _of_session(self, session: str) -> Target | None:
        for target in self._targets.values():
            if target.session == session:
                return target
        if session == _BROWSER_SESSION:
            return None
        raise CdpError("Session with given id not found.", -32001)

    def _of_id(self, command: Command) -> Target:
        target = self._targets.get(str(command.params.get("targetId", "")))
        if target is None:
            raise CdpError("No target with given id found")
        return target

    def attached(self, target: Target, *, waiting: bool) -> Message:
        """Attach to a target, and the event that tells of it."""
        target.session = target.session or f"S{next(self._numbers):04d}"
        return _event(
            "Target.attachedToTarget",
            sessionId=target.session, targetInfo=target.info(), waitingForDebugger=waiting,
        )  # fmt: skip

    def auto_attach(self, command: Command, target: Target | None) -> _Handled:
        """Target.setAutoAttach: pages are attached to the browser's session only."""
        if target is not None:
            return {}, [], []
        self._attach = bool(command.params.get("autoAttach"))
        news = [self.attached(page, waiting=False) for page in self._targets.values()]
        return {}, [], news if self._attach else []

    def create(self, command: Command, _target: Target | None) -> _Handled:
        """Target.createTarget."""
        target = self._make(str(command.params.get("url") or "about:blank"))
        target.context = str(command.params.get("browserContextId") or CONTEXT)
        news = [_event("Target.targetCreated", targetInfo=target.info())]
        if self._attach:
            news.append(self.attached(target, waiting=False))
        return {"targetId": target.id}, news, []

    def attach(self, command: Command, _target: Target | None) -> _Handled:
        """Target.attachToTarget."""
        target = self._of_id(command)
        news = [] if target.session else [self.attached(target, waiting=False)]
        return {"sessionId": target.session}, news, []

    def close(self, command: Command, _target: Target | None) -> _Handled:
        """Target.closeTarget."""
        return {"success": True}, [], self._remove(self._of_id(command))

    def _remove(self, target: Target) -> list[Message]:
        del self._targets[target.id]
        news = [_event("Target.targetDestroyed", targetId=target.id)]
        if target.session:
            detached = _event(
                "Target.detachedFromTarget", sessionId=target.session, targetId=target.id
            )
            news.insert(0, detached)
        return news

    def create_context(self, _command: Command, _target: Target | None) -> _Handled:
        """Target.createBrowserContext: a name that pages are made under."""
        return {"browserContextId": f"CTX{next(self._numbers)}"}, [], []

    def dispose_context(self, command: Command, _target: Target | None) -> _Handled:
        """Target.disposeBrowserContext: its pages go with it."""
        context = command.params.get("browserContextId")
        gone = [page for page in self._targets.values() if page.context == context]
        return {}, [event for page in gone for event in self._remove(page)], []

    def targets(self, _command: Command, _target: Target | None) -> _Handled:
        """Target.getTargets."""
        return {"targetInfos": [page.info() for page in self._targets.values()]}, [], []

    def info(self, command: Command, target: Target | None) -> _Handled:
        """Target.getTargetInfo: the browser's own when none is named."""
        if "targetId" in command.params:
            target = self._of_id(command)
        if target is not None:
            return {"targetInfo": target.info()}, [], []
        browser = {
            "targetId": "BROWSER", "type": "browser", "title": "", "url": "",
            "attached": True, "canAccessOpener": False,
        }  # fmt: skip
        return {"targetInfo": browser}, [], []

    def shut(self, _command: Command, _target: Target | None) -> _Handled:
        """Browser.close."""
        self.closed = True
        return {}, [], []


_Handled = tuple[Message, list[Message], list[Message]]
_BROWSER_SESSION = "BROWSER-SESSION"


def _event(method: str, session: str = "", **params: Any) -> Message:
    event: Message = {"method": method, "params": params}
    return event | {"sessionId": session} if session else event


def _page(target: Target | None) -> Target:
    if target is None:
        raise CdpError("'Page' wasn't found", -32601)
    return target


def _context(target: Target, world: int, name: str) -> Message:
    aux = {
        "isDefault": not name,
        "type": "isolated" if name else "default",
        "frameId": target.id,
    }
    description = {
        "id": world, "origin": "://", "name": name,
        "uniqueId": f"{target.id}.{world}", "auxData": aux,
    }  # fmt: skip
    return _event("Runtime.executionContextCreated", target.session, context=description)


def _version(_tools: DevTools, _command: Command, _target: Target | None) -> _Handled:
    version = {
        "protocolVersion": "1.3", "product": "HeadlessChrome/140.0.0.0", "revision": "@0",
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/140.0.0.0",
        "jsVersion": "14.0",
    }  # fmt: skip
    return version, [], []


def _browser_session(_tools: DevTools, _command: Command, _target: Target | None) -> _Handled:
    return {"sessionId": _BROWSER_SESSION}, [], []


def _tree(_tools: DevTools, _command: Command, target: Target | None) -> _Handled:
    return {"frameTree": {"frame": _page(target).frame()}}, [], []


def _enable_runtime(_tools: DevTools, _command: Command, target: Target | None) -> _Handled:
    page = _page(target)
    page.world += 1
    return {}, [_context(page, page.world, "")], []


def _isolate(_tools: DevTools, command: Command, target: Target | None) -> _Handled:
    page = _page(target)
    page.world += 1
    name = str(command.params.get("worldName") or "isolated")
    return {"executionContextId": page.world}, [_context(page, page.world, name)], []


def _script(_tools: DevTools, command: Command, target: Target | None) -> _Handled:
    page, name = _page(target), str(command.params.get("worldName") or "")
    if name and name not in page.worlds and len(page.worlds) < _WORLDS_MAX:
        page.worlds.append(name)  # every new document gets this isolated world
    return {"identifier": str(page.world)}, [], []


def _navigate(_tools: DevTools, command: Command, target: Target | None) -> _Handled:
    page = _page(target)
    page.url = str(command.params.get("url") or "about:blank")
    page.loader += 1
    page.world += 1
    loader, session = f"L{page.loader}", page.session
    news = [_event("Page.frameStartedLoading", session, frameId=page.id)]
    news += [_event("Runtime.executionContextsCleared", session)]
    news += [_event("Page.frameNavigated", session, frame=page.frame(), type="Navigation")]
    news += [_context(page, page.world, "")]
    for name in page.worlds:
        page.world += 1
        news += [_context(page, page.world, name)]
    for name in _TREE_EVENTS:
        news.append(
            _event(
                "Page.lifecycleEvent", session,
                frameId=page.id, loaderId=loader, name=name, timestamp=0,
            )
        )  # fmt: skip
    news += [_event("Page.domContentEventFired", session, timestamp=0)]
    news += [_event("Page.loadEventFired", session, timestamp=0)]
    news += [_event("Page.frameStoppedLoading", session, frameId=page.id)]
    return {"frameId": page.id, "loaderId": loader}, [], news


def _evaluate(_tools: DevTools, command: Command, target: Target | None) -> _Handled:
    expression = str(command.params.get("expression", ""))
    by_value = bool(command.params.get("returnByValue"))
    return {"result": evaluate(expression, _page(target).url, by_value=by_value)}, [], []


def _call(_tools: DevTools, command: Command, target: Target | None) -> _Handled:
    given = command.params.get("arguments")
    return {"result": call(given if isinstance(given, list) else [], _page(target).url)}, [], []


def _screenshot(_tools: DevTools, _command: Command, target: Target | None) -> _Handled:
    _page(target)
    return {"data": PNG_BASE64}, [], []


_HANDLERS: dict[str, Callable[[DevTools, Command, Target | None], _Handled]] = {
    "Browser.getVersion": _version,
    "Browser.close": DevTools.shut,
    "Target.setAutoAttach": DevTools.auto_attach,
    "Target.attachToBrowserTarget": _browser_session,
    "Target.attachToTarget": DevTools.attach,
    "Target.createTarget": DevTools.create,
    "Target.closeTarget": DevTools.close,
    "Target.createBrowserContext": DevTools.create_context,
    "Target.disposeBrowserContext": DevTools.dispose_context,
    "Target.getTargets": DevTools.targets,
    "Target.getTargetInfo": DevTools.info,
    "Page.getFrameTree": _tree,
    "Page.navigate": _navigate,
    "Page.createIsolatedWorld": _isolate,
    "Page.addScriptToEvaluateOnNewDocument": _script,
    "Page.captureScreenshot": _screenshot,
    "Runtime.enable": _enable_runtime,
    "Runtime.evaluate": _evaluate,
    "Runtime.callFunctionOn": _call,
}

COUNTED = frozenset(_HANDLERS)
"""Commands that are counted by name; there are hundreds, and names are a stranger's."""

_command = msgspec.json.Decoder(Command).decode


def read_command(frame: bytes | str) -> Command:
    """
    Read one command.

    Raises:
        CdpError: It is none.
    """
    try:
        return _command(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise CdpError(f"no command: {error}", -32600) from None
