"""report.html is one safe, accessible file that says what the summary says."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from reports import html
from tests.reports.conftest import HOSTILE, build
from tests.trials import attempt, finding

VOID = {"meta", "br", "wbr", "img", "input", "link", "path", "use", "image", "rect"}


class Page(HTMLParser):
    """Collects elements with their attributes, texts, and whether tags are balanced."""

    def __init__(self, page):
        """Parse at once."""
        super().__init__()
        self.elements, self.texts, self.open, self.crossed = [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Note the element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """An element that closes itself."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        """Every end ends what was begun last."""
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.crossed.append(tag)

    def handle_data(self, data):
        """Note the text and the element that it stands in."""
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag):
        """Attributes of every element of a kind."""
        return [attrs for name, attrs in self.elements if name == tag]

    def text(self):
        """All text that is shown."""
        return " ".join(text for tag, text in self.texts if tag not in ("script", "style"))


REPORTS = ("story", "hostile", "empty", "labs", "sessions")


@pytest.fixture(scope="module")
def parsed(pages):
    """The pages of trials, parsed once."""
    return {name: Page(pages[name]) for name in REPORTS}


@pytest.fixture(params=REPORTS)
def page(request, parsed):
    """Each of them."""
    return parsed[request.param]


def test_tags_are_balanced(page):
    """What is opened is closed, in order."""
    assert ([], []) == (page.crossed, page.open)


def test_nothing_is_loaded_from_elsewhere(page):
    """No reference leaves the file: only fragments and embedded images."""
    references = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href", "action", "data", "srcset", "poster")
    ]

    assert not [value for value in references if not value.startswith(("#", "data:image/png;"))]
    for tag, text in page.texts:
        if tag in ("style", "script"):
            assert not re.search(r"@import|url\((?!#)|https?://|fetch\(|import\(", text)
    assert [] == page.all("link") + page.all("iframe") + page.all("object") + page.all("base")


def test_every_reference_has_its_target(page):
    """Fragments and clip paths point at ids that are there, each id once."""
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    targets = {a["href"][1:] for _, a in page.elements if a.get("href", "").startswith("#")}
    for _, attributes in page.elements:
        for value in attributes.values():
            targets |= set(re.findall(r"url\(#([^)]*)\)", value or ""))

    assert len(ids) == len(set(ids))
    assert targets <= set(ids)


def test_tables_and_figures_can_be_read_out(page):
    """Captions, header scopes, figure texts, one main part, a language, one h1."""
    tables = page.all("table")
    assert len(tables) == len(page.all("caption")) > 0
    assert {"col", "row", "colgroup"} >= {th.get("scope") for th in page.all("th")}
    figures = page.all("figure")
    narrow = [a for tag, a in page.elements if tag == "div" and a.get("class") == "narrow"]
    assert len(figures) == len(page.all("figcaption"))
    assert len(figures) + len(narrow) == len(page.all("svg"))
    for svg in page.all("svg"):
        assert "img" == svg["role"]
        assert len(svg["aria-label"]) > 30
    assert 1 == len(page.all("main")) == len(page.all("h1"))
    assert "en" == page.all("html")[0]["lang"]
    assert {"header", "nav", "main", "footer"} <= {tag for tag, _ in page.elements}


def test_hostile_text_stays_text(parsed):
    """Markup in names, codes, plans and witnesses is shown, never run."""
    page = parsed["hostile"]

    assert 1 == len(page.all("script"))
    assert [] == page.all("img")
    assert not [a for _, attributes in page.elements for a in attributes if a.startswith("on")]
    assert page.text().count("<script>alert(1)</script>") > 8
    assert HOSTILE.replace("\x00", "\ufffd").replace("\x1b", "\ufffd") in page.text()


def test_colours_are_the_pages_own(page):
    """No figure has a fixed ink or paper: all follow the reader's dark or light."""
    styles = " ".join(a.get("style", "") for tag, a in page.elements if tag != "html")

    assert not re.findall(r"#[0-9a-f]{6}", styles)
    assert ("var(--ink)" in styles) == bool(page.all("figure"))


def test_the_story_is_told(parsed):
    """Verdict, counts, percentiles and witness are on the page as text."""
    text = " ".join(parsed["story"].text().split())

    assert "Fail 1 of 3 checks failed: idempotency.exactly_once (1 key made two sessions)." in text
    assert "session_churn sent 1,052 attempts for 1,051 calls" in text
    assert "CLOUD_RATE_LIMITED" in text
    assert "stall (fault)" in text
    assert "k-12" in text


def test_an_empty_trial_boasts_of_nothing(parsed):
    """Neither that all ended ok nor a figure in which nothing was measured."""
    text = " ".join(parsed["empty"].text().split())

    assert "Every attempt ended ok" not in text
    assert "Errors by code No attempts were observed." in text
    assert "Latency unknown: " in text
    assert "Generator load unknown: " in text
    assert [] == parsed["empty"].all("figure")


def test_every_verdict_has_its_banner(tmp_path, monkeypatch, drawn):
    """A pass is green and says so in a word."""
    model = build(tmp_path / "t", [attempt()], findings=[finding()])
    monkeypatch.setattr(html, "draw_figures", lambda _: drawn["empty"])
    page = html.render(model)

    assert '<p class="verdict pass"><strong>Pass</strong>' in page
    assert "The only check passed." in page


def test_equal_trials_give_equal_bytes(story_model, pages):
    """Nothing random and no clock is in a page."""
    assert pages["story"] == html.render(story_model)
