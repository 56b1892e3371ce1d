"""
Settings of all tests: Hypothesis profiles, SIGINT, and the marker of trial tests.

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
TRIAL_FOLDERS = (TESTS / "e2e", TESTS / "reliability")
"""Every test in these folders has the marker `trial`."""

settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=500, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by folder, so that `make test-fast` leaves them out."""
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in TRIAL_FOLDERS):
            item.add_marker(pytest.mark.trial)
