"""Markdown for a job summary: small, with untrusted text escaped."""

from __future__ import annotations

import re

import pytest

from reports import markdown
from reports.markdown import escape
from tests.reports.conftest import build
from tests.trials import attempt


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text, 1.5 s", "plain text, 1.5 s"),
        ("a|b", r"a\|b"),
        ("<script>", r"\<script\>"),
        ("[x](y)", r"\[x\]\(y\)"),
        ("two\nlines\r\x00", "two lines \ufffd"),
        ("@team", r"\@team"),
        ("x" * 500, "x" * 399 + "…"),
    ],
)
def test_text_is_shown_as_it_is(text, expected):
    """Nothing that GFM would take for markup stays bare."""
    assert expected == escape(text)


def test_hostile_names_draw_nothing(hostile_model):
    """No unescaped tag but our own, and every table row has its table's width."""
    page = markdown.render(hostile_model)

    bare = re.findall(r"(?<!\\)<[^>]*>", page)
    assert {"<details>", "<summary>", "</summary>", "</details>"} == set(bare)
    width = None
    for line in page.splitlines():
        if not line.startswith("|"):
            width = None
            continue
        cells = len(re.findall(r"(?<!\\)\|", line))
        assert width in (None, cells), line
        width = cells


def test_what_a_lab_was_made_for_comes_first(tmp_path):
    """Its section before the operations, each of its tables under its name."""
    lab = {"kind": "sessions", "ceiling": 37}
    page = markdown.render(build(tmp_path / "t", [attempt()], documents={"capacity.json": lab}))

    order = ["## Capacity", "**Session ceiling**", "## Operations", "## Phases"]
    assert order == sorted(order, key=page.index)


def test_an_empty_trial_has_a_page(empty_model):
    """Nothing observed is said, not left blank."""
    page = markdown.render(empty_model)

    assert "no attempts were observed" in page
    assert page.startswith("# ❔ Unknown: ")


def test_the_page_fits_a_job_summary(story_model):
    """GitHub's limit is 1 MiB; ours is a screen or two."""
    assert 500 < len(markdown.render(story_model)) < 20_000
