"""
Open files: check before the load that the process may open a connection for every user.

A socket that the local system refuses would look like a target that refuses it.
"""

from __future__ import annotations

import resource
from collections.abc import Iterable
from typing import Any

from harness.errors import UsageError
from harness.plan.model import Plan

RESERVED_FILES = 200
"""Other open files: modules, logs, parts of the trial."""


def check_open_files(plan: Plan, workloads: Iterable[Any], processes: int) -> None:
    """
    Raise the soft limit where needed; raises UsageError when the hard limit is too low.

    The plan's users are shared by ``processes``; each holds the ``sockets`` of its workload.
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
            f"{users:,} users in a process can need {connections:,} connections, but its limit is "
            f"{hard:,} open files; raise it (ulimit -n {need}), or use fewer users or more "
            "--processes"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (need, hard))


def load_processes(options: Any) -> int:
    """Processes that share the users, by Locust's options; 0 if only the coordinator knows."""
    processes = getattr(options, "processes", None) or 0
    is_distributed = getattr(options, "worker", False) or getattr(options, "master", False)
    return max(0, processes) or (0 if is_distributed else 1)
