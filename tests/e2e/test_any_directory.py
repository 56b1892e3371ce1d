"""Whole trials from directories that hold files with the names of ours, of Python's, of Locust's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.trial.store import open_trial
from tests.e2e.conftest import TIMEOUT_S, _clean_environ

HARNESS = str(Path(sys.executable).parent / "harness")
TRAP = "raise SystemExit(f'trap: {__name__}')\n"
OWN = """
from helpers import WORKLOADS  # beside this file

from harness.load.user import ScenarioUser


class OwnUser(ScenarioUser):
    workloads = WORKLOADS
"""
HELPERS = """
from scenarios.session_churn import SessionChurn

WORKLOADS = {"session_churn": SessionChurn}
"""


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A directory of traps: modules that end who imports them, settings that break a load."""
    for package in ("harness", "scenarios", "reports"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(TRAP)
    for module in ("random", "json", "queue", "pandas", "gevent", "locust"):
        (tmp_path / f"{module}.py").write_text(TRAP)
    (tmp_path / "locust.conf").write_text("run-time = 1s\n")
    (tmp_path / "pyproject.toml").write_text("[tool.locust]\nmaster = true\ntags = ['none']\n")
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\n")
    (tmp_path / ".locust.conf").write_text("users = 0\n")
    return tmp_path


def run(folder: Path, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The installed command, in that directory, which is also the home."""
    return subprocess.run(
        [HARNESS, *args], cwd=folder, check=False, timeout=TIMEOUT_S, capture_output=True,
        text=True, env={**_clean_environ(), "HOME": str(folder), **environ},
    )  # fmt: skip


def test_a_trial_is_complete_in_any_directory(trap):
    """Stand-in, fault proxy, inbox and load process are ours, and the load keeps to its plan."""
    fault = "latency:probability=0.5,latency=1ms"
    ended = run(
        trap, "run", "mixed", "--duration", "3s", "--rate", "30", "--fault", fault,
        "--out", "t",
    )  # fmt: skip
    said = ended.stdout + ended.stderr
    assert (trap / "t" / "report.html").is_file(), said
    trial = open_trial(trap / "t")
    starts = trial.attempts_table(["intended_ns"])["intended_ns"].to_pylist()

    assert "trap" not in said
    assert "complete" == trial.manifest.state
    assert max(starts) - trial.manifest.started_ns > 2.5e9  # of 3 s, where 1 s was a trap
    assert run(trap, "check", "t").returncode == ended.returncode


def test_a_scenario_of_ones_own_finds_what_lies_beside_it(trap):
    """In the directory of traps, first on its path; neither environment variable matters."""
    (trap / "own.py").write_text(OWN)
    (trap / "helpers.py").write_text(HELPERS)
    ended = run(
        trap, "run", "own.py", "--duration", "2s", "--rate", "10", "--out", "t",
        PYTHONSAFEPATH="1", LOCUST_RUN_TIME="1s",
    )  # fmt: skip

    assert (trap / "t" / "report.html").is_file(), ended.stdout + ended.stderr
    trial = open_trial(trap / "t")
    starts = trial.attempts_table(["intended_ns"])["intended_ns"].to_pylist()
    assert max(starts) - trial.manifest.started_ns > 1.5e9
    assert {"create_session", "delete_session"} <= set(
        trial.attempts_table(["operation"])["operation"].to_pylist()
    )


def test_an_abbreviated_option_never_reaches_the_load(trap):
    """A usage error before anything is started."""
    ended = run(trap, "run", "mixed", "--out", "t", "--", "--run-t", "1s")

    assert (2, False) == (ended.returncode, (trap / "t").exists())
    assert "is it --run-time?" in ended.stderr
