"""A package that is merely installed offers a scenario and checks to the command."""

from __future__ import annotations

import os

from harness.plugins import CHECKS
from harness.trial.store import open_trial
from tests.e2e.conftest import summary_of
from tests.plugins import install, install_example

PLAN = """
[load]
users = 5
phases = [{ name = "steady", duration = "3s", rate = 10 }]
[scenario.session_reads]
reads = 2
pause = "1ms"
"""


def test_an_installed_plugin_is_at_hand_by_name(harness, tmp_path):
    """Its scenario runs with the plan's settings, its check judges, a broken one is a doubt."""
    path = install_example(tmp_path / "installed")
    install(tmp_path / "installed", "broken-plugin", {CHECKS: {"broken": "no_such_module:CHECK"}})
    (tmp_path / "plan.toml").write_text(PLAN)
    ended = harness.in_subprocess(
        "run", "session_reads", "--plan", "plan.toml", "--out", "t",
        PYTHONPATH=os.pathsep.join(path),
    )  # fmt: skip

    assert 4 == ended.code, ended.err
    found = {finding.name: finding for finding in open_trial(tmp_path / "t").findings()}
    summary = summary_of(tmp_path / "t")
    reads = summary["operations"]["get_session"]["load"]["attempts"]
    assert 2 * summary["operations"]["create_session"]["load"]["attempts"] == reads > 0
    assert (
        f"{reads:,} reads of open sessions, none answered 404" == found["example.readable"].detail
    )
    broken = found["broken (broken-plugin 1.0)"]
    assert ("unknown", True) == (broken.verdict, "No module named" in broken.detail)
    for page in ("report.html", "report.md", "junit.xml"):
        text = (tmp_path / "t" / page).read_text()
        assert "example.readable" in text, page
        assert "broken-plugin 1.0" in text, page
