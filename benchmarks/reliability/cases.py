"""
What is put to the test: the stand-in's lies, and everything that may go wrong around an
honest one.

A lie is caught by its own check and by no other; an honest stand-in is accused by none,
whatever the network, its own limits or a SIGKILL do to the trial. A time in a fault is
given as a share of the trial, so that a case can be made in 6 s or in 20.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

IDEMPOTENCY = "idempotency.exactly_once"
SESSIONS = "sessions.lifecycle"
RUNS = "runs.lifecycle"
LOGS = "runs.logs"
CACHE = "cache.accounting"
WEBHOOKS = "webhooks.delivery"
CONTRACT = "contract.responses"
RETRIES = "retries.discipline"
CHECKS = (IDEMPOTENCY, SESSIONS, RUNS, LOGS, CACHE, WEBHOOKS, CONTRACT, RETRIES)


@dataclass(frozen=True, slots=True)
class Case:
    """
    One row of the matrix.

    Attributes:
        name: Its name.
        caught_by: The check that must fail; "" when none may.
        faults: Fault specs; ``{n}`` stands for n percent of the trial's length.
        standin: Settings of the stand-in.
        plan: What differs from the plan ``reliability``.
    """

    name: str
    caught_by: str = ""
    faults: tuple[str, ...] = ()
    standin: dict[str, Any] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)


def _lie(name: str, caught_by: str, share: float = 1.0, **standin: Any) -> Case:
    told = {"lies": {name: share}, **standin}
    return Case(name.replace("_", "-"), caught_by, standin=told)


LIES = (
    _lie("executes_twice", IDEMPOTENCY),
    _lie("forgets_keys_after_s", IDEMPOTENCY, 2.0),
    _lie("replays_wrong_run", IDEMPOTENCY),
    _lie("leaks_slot", SESSIONS, 0.5, max_sessions=8),
    _lie("duplicate_session_id", SESSIONS, 0.3),
    _lie("deleted_still_answers", SESSIONS),
    _lie("status_goes_back", RUNS, 0.2),
    _lie("loses_log_line", LOGS, 0.5),
    _lie("cache_miscounts", CACHE, 0.2),
    _lie("older_wins", CACHE),
    _lie("loses_delivery", WEBHOOKS, 0.3),
    _lie("signs_wrongly", WEBHOOKS, 0.3),
    _lie("delivers_for_unsubscribed", WEBHOOKS),
    _lie("wrong_retry_after", CONTRACT, limiter="token-bucket", rate=40.0, burst=10),
)
"""Every lie, with the check that must catch it."""

TROUBLED: dict[str, Any] = {
    "limiter": "token-bucket",
    "rate": 90.0,
    "burst": 25,
    "max_sessions": 5,
    "launch_s": 0.1,
    "release_delay_s": 0.2,
    "latency": {"*": "lognormal(3ms,0.5)"},
    "fail": {
        "CLOUD_INTERNAL_ERROR": 0.01,
        "create_session:CLOUD_LAUNCH_FAILED": 0.04,
        "create_session:CLOUD_LAUNCH_TIMEOUT": 0.03,
        "CLOUD_TIMEOUT": 0.02,
        "CLOUD_CDP_UNAVAILABLE": 0.01,
    },
    "timeout_after_effect": 0.5,
}
"""An honest stand-in that is short of everything: limits, capacity, failures."""

MIXED = (
    "latency:latency=15ms,jitter=15ms,probability=0.2",
    "response-lost:probability=0.02",
    "reset-after:probability=0.02",
    "reset-before:probability=0.02",
    "response-truncated:probability=0.02",
    "refuse:probability=0.02",
)
"""Most of the network's faults at once; none of them makes an honest client time out."""

HONEST = (
    Case("no fault"),
    Case("latency", faults=("latency:latency=40ms,jitter=40ms,probability=0.5",)),
    Case("bandwidth", faults=("bandwidth:rate_bytes_per_s=40000,probability=0.3",)),
    Case("refuse", faults=("refuse:from={30},for={10}", "refuse:probability=0.2")),
    Case("reset-before", faults=("reset-before:probability=0.06",)),
    Case("reset-after", faults=("reset-after:probability=0.06",)),
    Case("response-lost", faults=("response-lost:probability=0.06",)),
    Case("response-truncated", faults=("response-truncated:every=16",)),
    Case(
        "blackhole",
        faults=("blackhole:probability=0.02",),
        plan={"timeouts": {"read": "500ms"}},
    ),
    Case("slow", faults=("slow:rate_bytes_per_s=4000,probability=0.1",)),
    Case("response-lost, per connection", faults=("response-lost:every=4,per=connection",)),
    Case("all of the network's", faults=MIXED),
    Case("restart", faults=("restart:at={40},down=500ms",)),
    Case("restart under loss", faults=(*MIXED, "restart:at={30},down=300ms", "restart:at={60},down=300ms")),
    Case("limits, capacity, failures", standin=TROUBLED),
    Case("limits under loss", faults=MIXED, standin=TROUBLED),
    Case(
        "inbox slow, failing, silent",
        standin={"webhook_timeout_s": 0.5},
        plan={"webhooks": {"slow": 0.2, "slow_by": "200ms", "fail": 0.2, "silent": 0.1, "hold": "2s"}},
    ),
)  # fmt: skip
"""What an honest stand-in must come through without a false alarm."""

BY_NAME = {case.name: case for case in (*LIES, *HONEST)}
