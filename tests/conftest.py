"""
Settings of all tests: Hypothesis profiles, SIGINT, markers by folder, groups by fixture.

`make test` gives the same result for the same code: Hypothesis derives its examples from the
test. ``HYPOTHESIS_PROFILE=search`` tries new ones (`make bench-stats`).

A shell starts a background job with SIGINT ignored, and the commands of that job inherit it. Tests
that interrupt a command need the default handler.
"""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent
MARKERS = {
    "trial": ["e2e", "reliability", "cli/test_stdio.py"],
    "process": [
        "assess/test_otava.py",
        "benchmarks",
        "cli/test_commands.py",
        "cli/test_completion.py",
        "cli/test_help.py",
        "cli/test_overrides.py",
        "conformance",
        "execution/test_sidecars.py",
        "execution/test_target.py",
        "experiments/compare/test_command.py",
        "faults/test_inbox.py",
        "faults/test_launch.py",
        "faults/test_proxy.py",
        "load",
        "reports/test_browser.py",
        "standin",
        "telemetry/test_prometheus.py",
        "test_docs.py",
        "test_launcher.py",
        "wire/test_failures.py",
        "wire/test_greenlets.py",
        "wire/test_hostile.py",
        "wire/test_memory.py",
        "wire/test_tls.py",
    ],
    "slow": [
        "analysis/test_drift.py",
        "assess/test_evaluate.py",
        "checks/test_drift.py",
        "checks/test_mutations.py",
        "experiments/capacity/test_search.py",
        "experiments/compare/test_comparison.py",
        "experiments/compare/test_rates.py",
        "experiments/compare/test_trend.py",
        "experiments/rate_limit/test_estimators.py",
        "experiments/rate_limit/test_lab.py",
        "experiments/rate_limit/test_retry_after_tests.py",
        "fuzz",
        "reports/test_hour.py",
    ],
}
"""Folders and modules whose tests all have a marker."""
SHARED = {"pages": "pages", "drawn": "pages", "hour": "hour"}
"""Fixtures that take seconds, and their group: one worker runs it (``--dist loadgroup``)."""

settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=500, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import what ``-m 'not (…)'`` leaves out: `make test-fast` starts sooner."""
    excluded = re.fullmatch(r"not \((\w+(?: or \w+)*)\)", config.option.markexpr)
    for marker in excluded[1].split(" or ") if excluded else ():
        if any(collection_path == TESTS / place for place in MARKERS.get(marker, ())):
            return True
    return None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Add the markers that `make test-fast` leaves out, and the group of a shared fixture."""
    for marker, places in MARKERS.items():
        if any(item.path.is_relative_to(TESTS / place) for place in places):
            item.add_marker(marker)
    for group in {SHARED[name] for name in getattr(item, "fixturenames", ()) if name in SHARED}:
        item.add_marker(pytest.mark.xdist_group(group))
        item.add_marker(pytest.mark.slow)
