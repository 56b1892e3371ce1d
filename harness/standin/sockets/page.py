"""
A synthetic browser: tabs, cookies and a page of a few elements.

Pure: a method and its arguments in, a result out. An action that cannot be done raises one of the
codes of ``actionFailure``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from harness.standin.sockets.png import PNG_BASE64

ELEMENTS = {
    1: ("a", "a.home", "Home", True),
    2: ("input", "input[name=q]", "", True),
    3: ("select", "select#sort", "price", True),
    4: ("button", "button.submit", "Search", True),
    5: ("p", "p.results", "12 results", False),
}
"""Number in a snapshot → tag, selector, text, whether it is editable."""

_BLANK = "about:blank"
_TABS_MAX = 32
_COOKIES_MAX = 200
_TEXT_MAX = 64 * 1024
_EDITABLE = frozenset({"input", "select", "type", "pressKey", "uploadFile"})
_ELEMENT_METHODS = (
    "click", "dblclick", "rightclick", "hover", "input", "select", "scroll", "uploadFile"
)  # fmt: skip


class ActionProblem(Exception):  # noqa: N818  part of the API
    """An action that cannot be done on this page."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # one of `harness.standin.sockets.frames.FAILURES`, or a CLOUD_* code
        self.message = message


class Tab(msgspec.Struct):
    """One tab."""

    url: str = _BLANK
    values: dict[int, str] = {}

    @property
    def title(self) -> str:
        """The address without its scheme."""
        return "" if self.url == _BLANK else self.url.partition("://")[2].strip("/")


class Page:
    """The synthetic browser of one session."""

    def __init__(self) -> None:
        self.tabs = [Tab()]
        self.active = 0
        self.cookies: dict[tuple[str, str], dict[str, Any]] = {}

    async def act(self, method: str, args: dict[str, Any]) -> Any:
        """
        Do one action.

        Raises:
            ActionProblem: It cannot be done.
            KeyError: There is no such method.
        """
        return _METHODS[method](self, args)

    @property
    def tab(self) -> Tab:
        """The active tab."""
        return self.tabs[self.active]

    def html(self) -> str:
        """The active tab's document."""
        tab = self.tab
        body = "".join(
            f'<{tag} data-element="{number}">{tab.values.get(number, text)}</{tag}>'
            for number, (tag, _, text, _) in ELEMENTS.items()
        )
        return f"<html><head><title>{tab.title}</title></head><body>{body}</body></html>"

    def goto(self, args: dict[str, Any]) -> None:
        """Navigate to an address."""
        self.tab.url = _url(args)
        self.tab.values = {}

    def new_tab(self, args: dict[str, Any]) -> dict[str, Any]:
        """Open a tab and make it active."""
        if len(self.tabs) >= _TABS_MAX:
            raise ActionProblem("INVALID_OPTIONS", f"there are {_TABS_MAX} tabs already")
        self.tabs.append(Tab(_url(args) if args.get("url") else _BLANK))
        self.active = len(self.tabs) - 1
        return self.list_tabs({})[self.active]

    def switch_tab(self, args: dict[str, Any]) -> None:
        """Make a tab active."""
        self.active = self._index(args)

    def close_tab(self, args: dict[str, Any]) -> None:
        """Close a tab; an empty one replaces the last."""
        index = self._index(args) if "index" in args else self.active
        del self.tabs[index]
        if not self.tabs:
            self.tabs.append(Tab())
        self.active = min(self.active, len(self.tabs) - 1)

    def list_tabs(self, _args: dict[str, Any]) -> list[dict[str, Any]]:
        """All tabs."""
        return [
            {"index": n, "url": tab.url, "title": tab.title, "active": n == self.active}
            for n, tab in enumerate(self.tabs)
        ]

    def set_cookie(self, args: dict[str, Any]) -> None:
        """Set one cookie."""
        cookie = args.get("cookie", args)
        if not isinstance(cookie, dict) or not isinstance(cookie.get("name"), str):
            raise ActionProblem("INVALID_OPTIONS", "a cookie has a name")
        if len(self.cookies) >= _COOKIES_MAX:
            raise ActionProblem("INVALID_OPTIONS", f"there are {_COOKIES_MAX} cookies already")
        domain = str(cookie.get("domain", self.tab.title.partition("/")[0]))
        value = str(cookie.get("value", ""))[:_TEXT_MAX]
        self.cookies[domain, cookie["name"]] = {
            "name": cookie["name"], "value": value, "domain": domain, "path": "/"
        }  # fmt: skip

    def import_cookies(self, args: dict[str, Any]) -> dict[str, int]:
        """Set several cookies."""
        cookies = args.get("cookies", [])
        if not isinstance(cookies, list):
            raise ActionProblem("INVALID_OPTIONS", "cookies are a list")
        for cookie in cookies:
            self.set_cookie({"cookie": cookie})
        return {"imported": len(cookies)}

    def point(self, method: str, args: dict[str, Any]) -> dict[str, Any]:
        """Act on an element."""
        number = self.find(args)
        if method in _EDITABLE:
            if not ELEMENTS[number][3]:
                raise ActionProblem("NOT_EDITABLE", f"element {number} takes no input")
            self.tab.values[number] = str(args.get("text", args.get("value", "")))[:_TEXT_MAX]
        return action_result(method)

    def find(self, args: dict[str, Any]) -> int:
        """The number of an element, given by number, selector or description."""
        if "element" in args:
            element = args["element"]
            if isinstance(element, int | float) and element in ELEMENTS:
                return int(element)
            raise ActionProblem("TARGET_NOT_FOUND", "no element of that number")
        selector = args.get("selector")
        if isinstance(selector, str):
            for number, (tag, known, *_) in ELEMENTS.items():
                if selector in {tag, known}:
                    return number
            raise ActionProblem("TARGET_NOT_FOUND", "nothing matches that selector")
        description = args.get("description")
        if isinstance(description, str) and description:
            words = description.lower()
            for number, (tag, *_) in ELEMENTS.items():
                if tag in words.split():
                    return number
            return 4
        raise ActionProblem("INVALID_TARGET", "an element, a selector or a description")

    def text_of(self, args: dict[str, Any]) -> str:
        """An element's text or value."""
        number = self.find(args)
        return self.tab.values.get(number, ELEMENTS[number][2])

    def wait_for_text(self, args: dict[str, Any]) -> None:
        """Require a text on the page, which never changes by itself."""
        text = args.get("text")
        if not isinstance(text, str):
            raise ActionProblem("INVALID_OPTIONS", "a text to wait for")
        if text not in self.html():
            raise ActionProblem("ACTION_TIMEOUT", "the text did not appear")

    def extract(self, _args: dict[str, Any]) -> dict[str, Any]:
        """Data from the page."""
        return {"url": self.tab.url, "title": self.tab.title, "results": ELEMENTS[5][2]}

    def _index(self, args: dict[str, Any]) -> int:
        index = args.get("index")
        if isinstance(index, int) and 0 <= index < len(self.tabs):
            return index
        raise ActionProblem("INVALID_OPTIONS", "no tab of that index")


def _url(args: dict[str, Any]) -> str:
    url = args.get("url")
    if isinstance(url, str) and len(url) <= _TEXT_MAX and ("://" in url or url == _BLANK):
        return url
    raise ActionProblem("INVALID_OPTIONS", "a url with a scheme")


def _pointing(method: str) -> Callable[[Page, dict[str, Any]], Any]:
    return lambda page, args: page.point(method, args)


def _keyboard(method: str) -> Callable[[Page, dict[str, Any]], Any]:
    return lambda _page, _args: action_result(method)


def action_result(method: str) -> dict[str, Any]:
    """The result of an action on an element or the keyboard."""
    return {"method": method, "namespace": "default", "persisted": False, "pathFile": None}


_BOX = {"x": 8, "y": 8, "width": 120, "height": 24}

_METHODS: dict[str, Callable[[Page, dict[str, Any]], Any]] = {
    **{method: _pointing(method) for method in _ELEMENT_METHODS},
    **{method: _keyboard(method) for method in ("pressKey", "type")},
    "goto": Page.goto,
    "snapshot": lambda page, _args: page.html(),
    "screenshot": lambda _page, _args: PNG_BASE64,
    "state": lambda page, _args: {
        "url": page.tab.url, "title": page.tab.title, "html": page.html()
    },
    "tabs": Page.list_tabs,
    "newTab": Page.new_tab,
    "switchTab": Page.switch_tab,
    "closeTab": Page.close_tab,
    "getCookies": lambda page, _args: list(page.cookies.values()),
    "exportCookies": lambda page, _args: list(page.cookies.values()),
    "setCookie": Page.set_cookie,
    "clearCookies": lambda page, _args: page.cookies.clear(),
    "importCookies": Page.import_cookies,
    "getElementText": Page.text_of,
    "getElementValue": Page.text_of,
    "getElementAttributes": lambda page, args: {"data-element": str(page.find(args))},
    "getElementBoundingBox": lambda page, args: _BOX | {"y": 32 * page.find(args)},
    "getHtml": lambda page, _args: page.html(),
    "getTitle": lambda page, _args: page.tab.title,
    "waitForText": Page.wait_for_text,
    "extract": Page.extract,
    "extractFromPlan": Page.extract,
    "clearCache": lambda _page, _args: None,
}  # fmt: skip
