"""
A synthetic browser endpoint of the Chrome DevTools Protocol.

It supports targets, flattened sessions, frames, contexts and a few evaluations. Every other
command is answered ``{}``, which is enough for Playwright's ``connectOverCDP``.

Source: https://chromedevtools.github.io/devtools-protocol/ (Browser, Target domains).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from harness.standin.sockets.commands import CdpError, Command, CommandResult, Message, event
from harness.standin.sockets.tabs import CONTEXT, PAGE_HANDLERS, Target

_BROWSER_SESSION = "BROWSER-SESSION"
_CHROME_PAGE = "chrome://newtab/"
_TARGETS_MAX = 64


class DevTools:
    """One client's view of the browser."""

    def __init__(self, *, chrome_page_first: bool = False) -> None:
        self._numbers = count(1)
        self._attach = False
        self._targets: dict[str, Target] = {}
        self.closed = False
        if chrome_page_first:
            self._make(_CHROME_PAGE)
        self._make("about:blank")

    def handle(self, command: Command) -> list[Message]:
        """A command's response and the events it causes, in order of sending."""
        try:
            target = self._find_by_session(command.sessionId) if command.sessionId else None
            result, before, after = self._handle(command, target)
        except CdpError as error:
            return [{"id": command.id, "error": error.payload(), **command.place}]
        return [*before, {"id": command.id, "result": result, **command.place}, *after]

    def _handle(self, command: Command, target: Target | None) -> CommandResult:
        page_handler = PAGE_HANDLERS.get(command.method)
        if page_handler is not None:
            if target is None:
                raise CdpError("'Page' wasn't found", -32601)
            return page_handler(command, target)
        handler = _HANDLERS.get(command.method)
        return ({}, [], []) if handler is None else handler(self, command, target)

    def _make(self, url: str) -> Target:
        if len(self._targets) >= _TARGETS_MAX:
            raise CdpError("too many targets")
        target = Target(f"T{next(self._numbers):04d}", url)
        self._targets[target.id] = target
        return target

    def _find_by_session(self, session: str) -> Target | None:
        for target in self._targets.values():
            if target.session == session:
                return target
        if session == _BROWSER_SESSION:
            return None
        raise CdpError("Session with given id not found.", -32001)

    def _find_by_id(self, command: Command) -> Target:
        target = self._targets.get(str(command.params.get("targetId", "")))
        if target is None:
            raise CdpError("No target with given id found")
        return target

    def attached(self, target: Target, *, waiting: bool) -> Message:
        """Attach to a target; returns the event that reports it."""
        target.session = target.session or f"S{next(self._numbers):04d}"
        return event(
            "Target.attachedToTarget",
            sessionId=target.session, targetInfo=target.info(), waitingForDebugger=waiting,
        )  # fmt: skip

    def auto_attach(self, command: Command, target: Target | None) -> CommandResult:
        """Target.setAutoAttach: attaches pages to the browser's session only."""
        if target is not None:
            return {}, [], []
        self._attach = bool(command.params.get("autoAttach"))
        events = [self.attached(page, waiting=False) for page in self._targets.values()]
        return {}, [], events if self._attach else []

    def create(self, command: Command, _target: Target | None) -> CommandResult:
        """Target.createTarget."""
        target = self._make(str(command.params.get("url") or "about:blank"))
        target.context = str(command.params.get("browserContextId") or CONTEXT)
        events = [event("Target.targetCreated", targetInfo=target.info())]
        if self._attach:
            events.append(self.attached(target, waiting=False))
        return {"targetId": target.id}, events, []

    def attach(self, command: Command, _target: Target | None) -> CommandResult:
        """Target.attachToTarget."""
        target = self._find_by_id(command)
        events = [] if target.session else [self.attached(target, waiting=False)]
        return {"sessionId": target.session}, events, []

    def close(self, command: Command, _target: Target | None) -> CommandResult:
        """Target.closeTarget."""
        return {"success": True}, [], self._remove(self._find_by_id(command))

    def _remove(self, target: Target) -> list[Message]:
        del self._targets[target.id]
        events = [event("Target.targetDestroyed", targetId=target.id)]
        if target.session:
            ids = {"sessionId": target.session, "targetId": target.id}
            events.insert(0, event("Target.detachedFromTarget", **ids))
        return events

    def create_context(self, _command: Command, _target: Target | None) -> CommandResult:
        """Target.createBrowserContext: only a name for pages."""
        return {"browserContextId": f"CTX{next(self._numbers)}"}, [], []

    def dispose_context(self, command: Command, _target: Target | None) -> CommandResult:
        """Target.disposeBrowserContext: closes its pages."""
        context = command.params.get("browserContextId")
        gone = [page for page in self._targets.values() if page.context == context]
        return {}, [event for page in gone for event in self._remove(page)], []

    def targets(self, _command: Command, _target: Target | None) -> CommandResult:
        """Target.getTargets."""
        return {"targetInfos": [page.info() for page in self._targets.values()]}, [], []

    def info(self, command: Command, target: Target | None) -> CommandResult:
        """Target.getTargetInfo: of the browser if no target is named."""
        if "targetId" in command.params:
            target = self._find_by_id(command)
        if target is not None:
            return {"targetInfo": target.info()}, [], []
        browser = {
            "targetId": "BROWSER", "type": "browser", "title": "", "url": "",
            "attached": True, "canAccessOpener": False,
        }  # fmt: skip
        return {"targetInfo": browser}, [], []

    def close_browser(self, _command: Command, _target: Target | None) -> CommandResult:
        """Browser.close."""
        self.closed = True
        return {}, [], []


def _version(_tools: DevTools, _command: Command, _target: Target | None) -> CommandResult:
    version = {
        "protocolVersion": "1.3", "product": "HeadlessChrome/140.0.0.0", "revision": "@0",
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/140.0.0.0",
        "jsVersion": "14.0",
    }  # fmt: skip
    return version, [], []


def _browser_session(_tools: DevTools, _command: Command, _target: Target | None) -> CommandResult:
    return {"sessionId": _BROWSER_SESSION}, [], []


_HANDLERS: dict[str, Callable[[DevTools, Command, Target | None], CommandResult]] = {
    "Browser.getVersion": _version,
    "Browser.close": DevTools.close_browser,
    "Target.setAutoAttach": DevTools.auto_attach,
    "Target.attachToBrowserTarget": _browser_session,
    "Target.attachToTarget": DevTools.attach,
    "Target.createTarget": DevTools.create,
    "Target.closeTarget": DevTools.close,
    "Target.createBrowserContext": DevTools.create_context,
    "Target.disposeBrowserContext": DevTools.dispose_context,
    "Target.getTargets": DevTools.targets,
    "Target.getTargetInfo": DevTools.info,
}

COUNTED_COMMANDS = frozenset({*_HANDLERS, *PAGE_HANDLERS})
"""Commands that are counted by name; other names are untrusted."""
