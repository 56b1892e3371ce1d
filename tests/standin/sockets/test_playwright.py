"""Playwright's `connectOverCDP`, as the real SDK calls it, against the synthetic endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

TIMEOUT_MS = 20_000


@contextmanager
def connected(created: Any, token: str | None = None) -> Iterator[Browser]:
    """Playwright's browser over a session's CDP socket."""
    token = created["cdpToken"] if token is None else token
    with sync_playwright() as playwright:
        yield playwright.chromium.connect_over_cdp(
            f"{created['cdpWsUrl']}?token={token}", timeout=TIMEOUT_MS
        )


def test_playwright_connects_reads_and_opens_pages(honest):
    """The first page is navigated and read, a second one and a context come and go."""
    with connected(honest.create().json()) as browser:
        (context,) = browser.contexts
        (page,) = context.pages
        page.goto("https://shop.example/a?b=1&c", timeout=TIMEOUT_MS)
        assert "https://shop.example/a?b=1&c" == page.url
        assert "opensteer stand-in" == page.title()
        assert page.url == page.evaluate("location.href") == page.evaluate("() => location.href")
        assert [1, "two"] == page.evaluate('[1, "two"]')
        assert "shop.example/a?b=1&amp;c" in page.content()
        second = context.new_page()
        second.goto("https://other.example/", timeout=TIMEOUT_MS)
        assert ["https://shop.example/a?b=1&c", "https://other.example/"] == [
            each.url for each in context.pages
        ]
        second.close()
        alone = browser.new_context()
        alone.new_page().goto("https://alone.example/", timeout=TIMEOUT_MS)
        alone.close()
        assert [page] == context.pages
        assert [context] == browser.contexts
        raw = context.new_cdp_session(page)
        assert raw.send("Page.captureScreenshot")["data"].startswith("iVBOR")


def test_playwright_finds_a_chrome_page_first_when_told_to(start):
    """The page list that begins with a chrome:// page reaches Playwright as well."""
    with connected(start(chrome_page_first=True).create().json()) as browser:
        (context,) = browser.contexts
        assert "about:blank" in [page.url for page in context.pages]


def test_playwright_is_refused_without_the_token(honest):
    """Another session's token does not connect, and the error has the status."""
    mine, other = honest.create().json(), honest.create().json()
    with (
        pytest.raises(Error, match="401"),
        connected(mine, other["cdpToken"]),
    ):
        pass
