"""
The pages of the synthetic browser: commands of the Page and Runtime domains.

Source: https://chromedevtools.github.io/devtools-protocol/ (Page, Runtime domains).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from harness.standin.sockets.commands import Command, CommandResult, Message, event
from harness.standin.sockets.evaluation import call, evaluate
from harness.standin.sockets.png import PNG_BASE64

CONTEXT = "CTX0"
_WORLDS_MAX = 8
_LIFECYCLE_EVENTS = (
    "init", "commit", "DOMContentLoaded", "load", "networkAlmostIdle", "networkIdle"
)  # fmt: skip


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


def _context(target: Target, world: int, name: str) -> Message:
    kind = "isolated" if name else "default"
    aux = {"isDefault": not name, "type": kind, "frameId": target.id}
    description = {
        "id": world, "origin": "://", "name": name,
        "uniqueId": f"{target.id}.{world}", "auxData": aux,
    }  # fmt: skip
    return event("Runtime.executionContextCreated", target.session, context=description)


def _tree(_command: Command, page: Target) -> CommandResult:
    return {"frameTree": {"frame": page.frame()}}, [], []


def _enable_runtime(_command: Command, page: Target) -> CommandResult:
    page.world += 1
    return {}, [_context(page, page.world, "")], []


def _isolate(command: Command, page: Target) -> CommandResult:
    page.world += 1
    name = str(command.params.get("worldName") or "isolated")
    return {"executionContextId": page.world}, [_context(page, page.world, name)], []


def _script(command: Command, page: Target) -> CommandResult:
    name = str(command.params.get("worldName") or "")
    if name and name not in page.worlds and len(page.worlds) < _WORLDS_MAX:
        page.worlds.append(name)  # every new document gets this isolated world
    return {"identifier": str(page.world)}, [], []


def _navigate(command: Command, page: Target) -> CommandResult:
    page.url = str(command.params.get("url") or "about:blank")
    page.loader += 1
    page.world += 1
    loader, session = f"L{page.loader}", page.session
    events = [event("Page.frameStartedLoading", session, frameId=page.id)]
    events += [event("Runtime.executionContextsCleared", session)]
    events += [event("Page.frameNavigated", session, frame=page.frame(), type="Navigation")]
    events += [_context(page, page.world, "")]
    for name in page.worlds:
        page.world += 1
        events += [_context(page, page.world, name)]
    lifecycle = {"frameId": page.id, "loaderId": loader, "timestamp": 0}
    for name in _LIFECYCLE_EVENTS:
        events.append(event("Page.lifecycleEvent", session, name=name, **lifecycle))
    events += [event("Page.domContentEventFired", session, timestamp=0)]
    events += [event("Page.loadEventFired", session, timestamp=0)]
    events += [event("Page.frameStoppedLoading", session, frameId=page.id)]
    return {"frameId": page.id, "loaderId": loader}, [], events


def _evaluate(command: Command, page: Target) -> CommandResult:
    expression = str(command.params.get("expression", ""))
    by_value = bool(command.params.get("returnByValue"))
    return {"result": evaluate(expression, page.url, by_value=by_value)}, [], []


def _call(command: Command, page: Target) -> CommandResult:
    given = command.params.get("arguments")
    return {"result": call(given if isinstance(given, list) else [], page.url)}, [], []


def _screenshot(_command: Command, _page: Target) -> CommandResult:
    return {"data": PNG_BASE64}, [], []


PAGE_HANDLERS: dict[str, Callable[[Command, Target], CommandResult]] = {
    "Page.getFrameTree": _tree,
    "Page.navigate": _navigate,
    "Page.createIsolatedWorld": _isolate,
    "Page.addScriptToEvaluateOnNewDocument": _script,
    "Page.captureScreenshot": _screenshot,
    "Runtime.enable": _enable_runtime,
    "Runtime.evaluate": _evaluate,
    "Runtime.callFunctionOn": _call,
}
