"""A share of a core that a command cannot exceed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.allotment import CpuQuota


def test_a_quota_holds_a_busy_command() -> None:
    """A loop of a second of clock time gets about its share of processor time, not more."""
    loop = "import time\nt = time.time()\nwhile time.time() < t + 1: pass\n"
    loop += "print(time.process_time())"
    try:
        quota = CpuQuota("test", 0.2)
    except OSError as error:
        pytest.skip(f"no CPU quotas here: {error}")
    with quota:
        done = subprocess.run(
            quota.holding([sys.executable, "-c", loop]),
            capture_output=True,
            text=True,
            check=True,
        )

    assert float(done.stdout) < 0.5
    assert not quota.path.exists()
