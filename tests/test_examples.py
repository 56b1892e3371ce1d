"""The examples that docstrings give are true."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for part in ("harness", "reports")
    for path in (ROOT / part).rglob("*.py")
    if ">>> " in path.read_text()
)


@pytest.mark.parametrize("name", MODULES)
def test_an_example_says_what_comes_out(name):
    """Each is run, and gives what stands below it."""
    failed, attempted = doctest.testmod(import_module(name))

    assert 0 == failed
    assert attempted


def test_there_are_examples():
    """The search for them finds those that are known to be there."""
    assert {"harness.units", "reports.formatting"} <= set(MODULES)
