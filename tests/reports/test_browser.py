"""report.html in real headless Chromium: quiet, self-sufficient, sortable, accessible."""

from __future__ import annotations

import os
import re
import shutil

import pytest

from reports import html

CHROMIUM = shutil.which("chromium")
playwright_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: make test installs it"
)
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed: make test-deps installs it"
)

SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}


@pytest.fixture(scope="module")
def browser():
    """One Chromium for the module; as root it needs its sandbox off."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright_api.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def pages(story_model, hostile_model, empty_model, tmp_path_factory):
    """report.html of a good, a hostile and an empty trial, by name."""
    folder = tmp_path_factory.mktemp("pages")
    models = {"story": story_model, "hostile": hostile_model, "empty": empty_model}
    for name, model in models.items():
        (folder / f"{name}.html").write_text(html.render(model))
    return {name: folder / f"{name}.html" for name in models}


class Visit:
    """A page opened in a window of its own; what it logs and asks for is kept."""

    def __init__(self, browser, path, size="desktop", scheme="light"):
        self.context = browser.new_context(viewport=SIZES[size], color_scheme=scheme)
        self.page = self.context.new_page()
        self.said, self.asked = [], []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.context.close()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["story", "hostile", "empty"])
def test_the_page_is_quiet_and_needs_no_network(browser, pages, name, size):
    """Nothing on the console, no request but the page itself, no sideways scrolling."""
    with Visit(browser, pages[name], size) as visit:
        wide, window = visit.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )

        assert visit.said == []
        assert visit.asked == [pages[name].as_uri()]
        assert wide <= window


@pytest.mark.parametrize(
    ("name", "size", "scheme"),
    [
        ("story", "desktop", "light"),
        ("story", "phone", "dark"),
        ("hostile", "phone", "light"),
        ("empty", "desktop", "dark"),
    ],
)
def test_axe_finds_nothing_serious(browser, pages, name, size, scheme):
    """No violation that axe-core calls serious or critical."""
    with Visit(browser, pages[name], size, scheme) as visit:
        found = axe.Axe().run(visit.page).response["violations"]
    serious = [
        (rule["id"], rule["nodes"][0]["html"][:200])
        for rule in found
        if rule["impact"] in {"serious", "critical"}
    ]

    assert serious == []


def test_a_press_on_a_head_sorts_and_a_second_one_turns_round(browser, pages):
    """By a number and by a name, downwards first, and aria-sort says so."""
    with Visit(browser, pages["story"]) as visit:
        table = visit.page.locator("#operations table.sortable")

        def press(name):
            table.get_by_role("button", name=re.compile(f"^{name}")).first.click()
            head = table.locator("thead th[aria-sort]")
            rows = table.locator("tbody tr").all()
            column = head.evaluate("head => head.cellIndex")
            values = [
                row.locator("th, td").nth(column).get_attribute("data-value") for row in rows
            ]
            return head.get_attribute("aria-sort"), values

        names = press("operation")
        down = press("attempts")
        up = press("attempts")

    assert names == ("descending", ["delete_session", "create_session"])
    assert down == ("descending", ["1051", "1"])
    assert up == ("ascending", ["1", "1051"])


def test_markup_of_strangers_stays_text(browser, pages):
    """No script of theirs ran, and their text can be read."""
    with Visit(browser, pages["hostile"]) as visit:
        scripts = visit.page.locator("script").count()
        images = visit.page.locator("img").count()
        read = visit.page.locator("h1").inner_text()

    assert (scripts, images) == (1, 0)
    assert "<script>alert(1)</script>" in read
