"""
Open files: may this process hold as many connections as its users can need?

A socket that one's own system refuses would look like a target that refuses it, so this is
found out before the load.
"""

from __future__ import annotations

import resource
from collections.abc import Iterable
from typing import Any

from harness.errors import UsageError
from harness.plan.model import Plan

RESERVED_FILES = 200
"""Files that a process has open besides: modules, logs, parts of the trial."""


def check_open_files(plan: Plan, workloads: Iterable[Any], processes: int) -> None:
    """
    Raise the soft limit where it is too low.

    Args:
        plan: Says how many users there may be.
        workloads: What they do; ``sockets`` of one is how many a user holds at once.
        processes: Load processes that share the users.

    Raises:
        UsageError: The hard limit is too low.
    """
    users = -(-plan.load.users // processes)
    sockets = max((getattr(kind, "sockets", 0) for kind in workloads), default=0)
    connections = users * sockets + (plan.load.connections or users)
    need = connections + RESERVED_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if need <= soft or soft == resource.RLIM_INFINITY:
        return
    if hard != resource.RLIM_INFINITY and need > hard:
        raise UsageError(
            f"{users:,} users in a process can need {connections:,} connections, and it may "
            f"open {hard:,} files: raise the limit (ulimit -n {need}), take fewer users, or "
            "more --processes"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (need, hard))


def load_processes(options: Any) -> int:
    """Processes that share the users, by Locust's options; 0 where only a master knows."""
    processes = getattr(options, "processes", None) or 0
    is_distributed = getattr(options, "worker", False) or getattr(options, "master", False)
    return max(0, processes) or (0 if is_distributed else 1)
