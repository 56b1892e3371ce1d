"""
What stands around a trial's target: the fault proxy before it, the webhook inbox behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness.faults.launch import FaultProxy, Inbox
from harness.load.plan import Plan
from harness.load.spec import is_loopback, webhook_secret
from harness.trial.parts import EVENTS_SUFFIX, PARTS

LAST_DELIVERIES_S = 1.0
"""How long the inbox stays open after the load, for what is still on its way."""


@dataclass(frozen=True, slots=True)
class Around:
    """
    What was started around the target.

    Attributes:
        host: Base URL for the load: the proxy's, where there is one.
        webhook_url: The inbox; "" when the target could not reach it.
        begin: To be called with the load's start: fault windows count from it.
    """

    host: str
    webhook_url: str
    begin: Callable[[int], None]

    def end(self) -> None:
        """The load is over: wait for the last deliveries."""
        if self.webhook_url:
            time.sleep(LAST_DELIVERIES_S)


def start_around(plan: Plan, host: str, trial_id: str, out: Path, stack: ExitStack) -> Around:
    """
    Start what the plan asks for, for as long as the stack lasts.

    Their events go to files of their own under the trial's parts; finishing the trial
    puts all events into one file.

    Raises:
        HarnessError: One of them could not be started.
    """
    parts = out / PARTS
    parts.mkdir(parents=True, exist_ok=True)
    webhook_url = ""
    if is_loopback(urlsplit(host).hostname or ""):
        events = parts / f"webhooks{EVENTS_SUFFIX}"
        secret = webhook_secret(trial_id)
        inbox = Inbox(seed=plan.seed, events_path=events, secret=secret)
        webhook_url = stack.enter_context(inbox).url
    specs = plan.fault_specs()
    if not specs:
        return Around(host, webhook_url, lambda _start_ns: None)
    events = parts / f"faults{EVENTS_SUFFIX}"
    proxy = FaultProxy(host, specs, seed=plan.seed, events_path=events)
    stack.enter_context(proxy)
    return Around(proxy.url, webhook_url, proxy.begin)
