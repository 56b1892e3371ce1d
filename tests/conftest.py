"""
Settings of all tests: Hypothesis profiles, SIGINT, and markers by folder.

`make test` gives the same result for the same code: Hypothesis derives its examples from the
test. ``HYPOTHESIS_PROFILE=search`` tries new ones (`make bench-stats`).

A shell starts a background job with SIGINT ignored, and the commands of that job inherit it. Tests
that interrupt a command need the default handler.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent
MARKERS = {
    "e2e": pytest.mark.trial,
    "reliability": pytest.mark.trial,
    "cli/test_stdio.py": pytest.mark.trial,
    "fuzz": pytest.mark.slow,
}
"""The marker that every test in a folder or module has."""

settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=500, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by folder, so that `make test-fast` leaves them out."""
    for item in items:
        for name, marker in MARKERS.items():
            if item.path.is_relative_to(TESTS / name):
                item.add_marker(marker)
