"""The page on plugins shows the example as it is; the other tests run that example."""

from __future__ import annotations

import re

from tests.plugins import EXAMPLE


def test_the_page_shows_the_files_of_the_example():
    """All that a reader copies is tested."""
    text = (EXAMPLE.parents[1] / "how-to" / "plugins.md").read_text()
    shown = re.findall(r"```(?:toml|python)\n(.*?)```", text, re.DOTALL)
    names = (
        "pyproject.toml",
        "opensteer_example/session_reads.py",
        "opensteer_example/readable.py",
    )

    assert [(EXAMPLE / name).read_text() for name in names] == shown
