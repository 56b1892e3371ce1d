"""A fixed share of a core for a command and its children: Linux's CFS quota, by cgroup (root)."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PERIOD_US = 10_000


class CpuQuota:
    """
    A control group with a CPU quota, as a context.

    Args:
        name: Of the group; none of that name may be there.
        share: Of one core.

    Raises:
        OSError: This machine gives no quotas, or not to this user.
    """

    def __init__(self, name: str, share: float) -> None:
        first = ROOT / "cpu" if (ROOT / "cpu").is_dir() else ROOT  # version 1, or 2
        self.path = first / f"harness-bench-{os.getpid()}-{name}"
        self.path.mkdir()
        quota_us = round(share * PERIOD_US)
        try:
            if first is ROOT:
                (self.path / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
            else:
                (self.path / "cpu.cfs_period_us").write_text(str(PERIOD_US))
                (self.path / "cpu.cfs_quota_us").write_text(str(quota_us))
        except OSError:
            self.path.rmdir()
            raise

    def holding(self, command: list[str]) -> list[str]:
        """The command, in the group from its first instruction on."""
        script = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
        return ["sh", "-c", script, str(self.path), *command]

    def __enter__(self) -> CpuQuota:
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(OSError):  # somebody is still in there: it goes with him
            self.path.rmdir()
