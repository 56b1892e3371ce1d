"""A disk that fills up in the middle: nothing hangs, nothing leaks, nothing looks whole."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from tests.e2e.conftest import KEY, Command, _clean_environ, summary_of

FILE_BYTES_MAX = 24 << 10


def _limit_files() -> None:
    """No file grows beyond the limit: writing more is an error, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, FILE_BYTES_MAX))


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_full_disk_ends_the_trial_in_order(harness: Command, processes: str) -> None:
    """The load stops early, its sessions are closed, and what was written can be reported."""
    with Standin(StandinConfig(api_keys=(KEY,))) as standin:
        ended = subprocess.run(
            [
                sys.executable, "-c", "from harness.cli import main; main()", "run",
                "session_churn", "--host", standin.url, "--rate", "100", "--duration", "100s",
                "--processes", processes, "--out", "trial",
            ],
            cwd=harness.folder, env=_clean_environ(), capture_output=True, text=True,
            preexec_fn=_limit_files, timeout=80, check=False,
        )  # fmt: skip
        truth = standin.truth()
    again = harness("report", "trial")
    summary = summary_of(harness.folder / "trial")

    assert ended.returncode == 4, ended.stderr
    assert "Traceback" not in ended.stderr
    assert truth["sessions"]["created"] > 20
    assert truth["sessions"]["open"] == 0
    assert again.code == 4, again.err
    assert summary["verdict"] == "unknown"
    assert "trial.complete" in {finding["name"] for finding in summary["findings"]}
    assert 0 < summary["totals"]["attempts"]
