"""Every page in real headless Chromium: quiet, self-sufficient, sortable, accessible."""

from __future__ import annotations

import os
import re
import shutil

import pytest

CHROMIUM = shutil.which("chromium")
playwright_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: make test installs it"
)
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed: make test-deps installs it"
)

SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}
WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
BEYOND = """
[...document.querySelectorAll("table, figure svg, p, dl")]
  .filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map((one) => `${one.tagName} ${one.textContent.trim().slice(0, 80)}`)
"""
SPOILT = """
[...document.querySelectorAll("figure svg")].filter((svg) => svg.clientWidth).flatMap((svg) => {
  const frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")]
    .map((text) => [text.textContent, text.getBoundingClientRect()]);
  const cut = texts.filter(([, box]) =>
    box.left < frame.left - 1 || box.right > frame.right + 1 ||
    box.top < frame.top - 1 || box.bottom > frame.bottom + 1);
  const shared = (low, high, a, b) => Math.min(a[high], b[high]) - Math.max(a[low], b[low]);
  const hidden = texts.flatMap(([name, box], number) => texts.slice(number + 1)
    .filter(([, other]) =>
      shared("left", "right", box, other) > 1.5 && shared("top", "bottom", box, other) > 3)
    .map(([other]) => `${name} on ${other}`));
  return [...cut.map(([name]) => `${name} cut`), ...hidden]
    .map((told) => `${svg.closest("figure").id}: ${told}`);
})
"""
"""Texts of the figures that are seen which leave their drawing, or lie on one another."""
A4_WIDE = {"width": 718, "height": 1047}
"""A4 in CSS pixels without margins of 1 cm."""
VISITS = [
    ("story", "desktop", "light"),
    ("story", "phone", "dark"),
    ("hostile", "desktop", "dark"),
    ("hostile", "phone", "light"),
    ("empty", "desktop", "dark"),
    ("empty", "phone", "light"),
    ("labs", "desktop", "dark"),
    ("labs", "phone", "light"),
    ("sessions", "desktop", "light"),
    ("sessions", "phone", "dark"),
    ("compare", "desktop", "light"),
    ("compare", "phone", "dark"),
    ("trend", "desktop", "dark"),
    ("trend", "phone", "light"),
]
"""Every page at both widths, and both schemes of every kind of page."""


@pytest.fixture(scope="module")
def browser():
    """One Chromium for the module; as root it needs its sandbox off."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright_api.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def files(pages, tmp_path_factory):
    """The pages as files, by name."""
    folder = tmp_path_factory.mktemp("pages")
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page)
    return {name: folder / f"{name}.html" for name in pages}


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


@pytest.mark.parametrize(("name", "size", "scheme"), VISITS)
def test_the_page_is_quiet_alone_and_accessible(browser, files, name, size, scheme):
    """
    Nothing on the console, no request but the page itself, no sideways scrolling.

    And every word of a figure can be read, and no violation that axe-core calls serious or
    critical.
    """
    with Visit(browser, files[name], size, scheme) as visit:
        wide, window = visit.page.evaluate(WIDTHS)
        assert visit.page.evaluate(SPOILT) == []
        assert visit.said == []
        assert visit.asked == [files[name].as_uri()]
        assert wide <= window

        found = axe.Axe().run(visit.page).response["violations"]
    serious = [
        (rule["id"], rule["nodes"][0]["html"][:200])
        for rule in found
        if rule["impact"] in {"serious", "critical"}
    ]

    assert serious == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "name",
    ["cut off", "crowded", "many"],
)
def test_every_word_of_a_figure_can_be_read(browser, files, name, size):
    """None leaves its drawing and none overlaps another, on a desktop and on a phone."""
    with Visit(browser, files[name], size) as visit:
        drawn = visit.page.evaluate("document.querySelectorAll('figure svg text').length")
        spoilt = visit.page.evaluate(SPOILT)

    assert drawn > 10
    assert spoilt == []


@pytest.mark.parametrize("name", ["story", "hostile", "labs", "sessions", "compare", "trend"])
def test_nothing_is_cut_off_in_print(browser, files, name):
    """On A4 every table and every figure ends within the paper."""
    with Visit(browser, files[name], "desktop") as visit:
        visit.page.set_viewport_size(A4_WIDE)
        visit.page.emulate_media(media="print")
        beyond = visit.page.evaluate(BEYOND)
        wide, paper = visit.page.evaluate(WIDTHS)

    assert beyond == []
    assert wide <= paper


def test_a_press_on_a_head_sorts_and_a_second_one_turns_round(browser, files):
    """By a number and by a name, downwards first, and aria-sort says so."""
    with Visit(browser, files["story"]) as visit:
        table = visit.page.locator("#operations table.sortable")

        def press(name):
            table.get_by_role("button", name=re.compile(f"^{name}")).first.click()
            head = table.locator("thead th[aria-sort]")
            rows = table.locator("tbody tr").all()
            column = head.evaluate("head => head.cellIndex")
            values = [row.locator("th, td").nth(column).get_attribute("data-value") for row in rows]
            return head.get_attribute("aria-sort"), values

        names = press("operation")
        down = press("attempts")
        up = press("attempts")

    assert names == ("descending", ["delete_session", "create_session"])
    assert down == ("descending", ["1051", "1"])
    assert up == ("ascending", ["1", "1051"])


def test_untrusted_markup_stays_text(browser, files):
    """No script of theirs ran, and their text can be read."""
    with Visit(browser, files["hostile"]) as visit:
        scripts = visit.page.locator("script").count()
        images = visit.page.locator("img").count()
        read = visit.page.locator("h1").inner_text()

    assert (scripts, images) == (1, 0)
    assert "<script>alert(1)</script>" in read


@pytest.mark.parametrize("name", ["compare", "trend"])
def test_tables_of_the_other_pages_sort_as_well(browser, files, name):
    """A change by its number, upwards at the second press."""
    with Visit(browser, files[name]) as visit:
        table = visit.page.locator("table.sortable").first
        button = table.get_by_role("button", name="change, %")
        button.click()
        button.click()
        head = table.locator("thead th[aria-sort]")
        column = head.evaluate("head => head.cellIndex")
        rows = table.locator("tbody tr").all()
        values = [r.locator("th, td").nth(column).get_attribute("data-value") for r in rows]

        assert head.get_attribute("aria-sort") == "ascending"
    told = [float(value) for value in values if value]
    assert len(told) > 1
    assert told == sorted(told)
    assert values[len(told) :] == [""] * (len(values) - len(told))
