"""Scenarios of other packages: found by name, and named with their package when they are wrong."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.execution.load_process import find_scenario
from harness.plugins import SCENARIOS, offered_scenarios
from tests.plugins import EXAMPLE, install, install_example


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A directory on the import path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_plugin_s_scenario_is_found_by_its_name(path, monkeypatch):
    """As the example of docs/how-to/plugins.md offers it."""
    for entry in install_example(path):
        monkeypatch.syspath_prepend(entry)

    assert {"session_reads"} <= offered_scenarios()
    assert EXAMPLE / "opensteer_example" / "session_reads.py" == find_scenario("session_reads")


def test_a_name_of_ours_is_ours(path):
    """No package changes what ``harness run mixed`` does."""
    install(path, "sneaky", {SCENARIOS: {"mixed": "antigravity"}})

    assert "scenarios/mixed.py" == "/".join(find_scenario("mixed").parts[-2:])


def test_an_unknown_name_is_answered_with_those_of_plugins(path):
    """Ours and theirs in one list."""
    install(path, "more", {SCENARIOS: {"checkout": "more.checkout"}})

    with pytest.raises(UsageError, match=r"known are cache_import, cdp_connect, checkout, mixed"):
        find_scenario("chekout")


@pytest.mark.parametrize(
    ("source", "module", "reason"),
    [
        (None, "nowhere_at_all.checkout", "No module named 'nowhere_at_all'"),
        (None, "nowhere_at_all", "no module nowhere_at_all"),
        ("raise RuntimeError('out of order')", "their.checkout", "RuntimeError: out of order"),
        ("raise SystemExit('bye')", "their.checkout", "SystemExit: bye"),
        ("", "their.checkout", "no module their.checkout"),
    ],
)
def test_a_plugin_that_is_wrong_is_named(path, source, module, reason):
    """A usage error in a line; whose package it is, stands in it."""
    install(path, "their-plugin", {SCENARIOS: {"checkout": module}}, "2.3")
    if source is not None:
        (path / "their").mkdir()
        (path / "their" / "__init__.py").write_text(source)

    with pytest.raises(UsageError, match=r"^scenario 'checkout' of their-plugin 2\.3: ") as told:
        find_scenario("checkout")

    assert reason in str(told.value)


def test_a_name_that_two_packages_offer_is_nobody_s(path):
    """Which of them would run depends on the order of the path."""
    for name in ("one", "two"):
        install(path, name, {SCENARIOS: {"checkout": f"{name}.checkout"}})

    with pytest.raises(UsageError, match=r"is offered by one 1\.0, two 1\.0; uninstall"):
        find_scenario("checkout")
