"""report.md and junit.xml, whole, against files that were read by a person."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reports import junit, markdown

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize(
    ("name", "render"),
    [
        ("report.md", lambda model: markdown.render(model).encode()),
        ("junit.xml", junit.render),
    ],
)
def test_the_page_is_the_golden_one(story_model, name, render):
    """To accept a wanted change: GOLDEN=write pytest tests/reports/test_golden.py."""
    page = render(story_model)
    if os.environ.get("GOLDEN") == "write":
        (GOLDEN / name).write_bytes(page)

    assert (GOLDEN / name).read_bytes().decode() == page.decode()
