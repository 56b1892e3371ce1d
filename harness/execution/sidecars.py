"""Processes around the target of a trial: fault proxy, webhook inbox, restarter."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import msgspec

from harness.addresses import is_loopback
from harness.clock import unix_ns
from harness.errors import NothingObservedError, UsageError
from harness.execution import target as targets
from harness.execution.restarts import Restarter
from harness.faults.launch import FaultProxy, Inbox
from harness.faults.spec import NetworkFault, RestartSpec
from harness.load.spec import webhook_secret
from harness.plan.model import Plan
from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from harness.trial.parts import EVENTS_SUFFIX, PARTS
from harness.trial.schema import INBOX_LOST, Event
from harness.trial.store import write_atomically, write_json

GROUND_TRUTH = "truth.json"
"""The embedded stand-in's own record of what it did; no check reads it."""
DELIVERY_GRACE_S = 1.0
"""How long the inbox stays open after the load, for late deliveries."""


@dataclass(frozen=True, slots=True)
class Sidecars:
    """
    What was started around the target.

    Attributes:
        webhook_url: The inbox; "" if the target cannot reach it.
        events: The file for an event about a dead sidecar.
        standin: The embedded stand-in; None for another target.
        proxy: None without network faults.
        restarts: None without the fault ``restart``.
    """

    webhook_url: str
    events: Path
    inbox: Inbox | None = None
    standin: Standin | None = None
    proxy: FaultProxy | None = None
    restarts: Restarter | None = None

    @property
    def via(self) -> str:
        """Host and port of the fault proxy; "" for none."""
        return "" if self.proxy is None else urlsplit(self.proxy.url).netloc

    def begin(self, load_start_ns: int) -> None:
        """Start the faults, whose times count from the start of the load."""
        if self.proxy is not None:
            self.proxy.begin(load_start_ns)
        if self.restarts is not None:
            self.restarts.begin(load_start_ns)

    def end(self) -> None:
        """
        After the load: end the restarts and wait for late deliveries.

        Raises:
            HarnessError: The stand-in did not restart, or the proxy died.
        """
        if self.restarts is not None:
            self.restarts.end()
        if self.webhook_url:
            time.sleep(DELIVERY_GRACE_S)
        if self.inbox is not None and self.inbox.has_died:
            data = {"text": "the webhook inbox died during the load", "lost": INBOX_LOST}
            line = msgspec.json.encode(Event(unix_ns(), "note", data=data))
            write_atomically(self.events, line + b"\n")
        if self.proxy is not None and self.proxy.has_died:
            raise NothingObservedError(
                "the fault proxy died during the load; later requests did not reach the target"
            )

    def save_ground_truth(self, out: Path) -> None:
        """Write the embedded stand-in's record, when nothing more is sent."""
        if self.standin is None:
            return
        try:
            truth = self.standin.truth()
        except OSError:  # it died, which the attempts show
            return
        write_json(out / GROUND_TRUTH, truth)


def start_target(plan: Plan, config: StandinConfig | None, stack: ExitStack) -> Standin:
    """Start the embedded stand-in, with a state file if it restarts; raises TargetError."""
    config = config or StandinConfig()
    if any(isinstance(fault, RestartSpec) for fault in plan.faults) and not config.state:
        folder = stack.enter_context(TemporaryDirectory(prefix="harness-"))
        config = msgspec.structs.replace(config, state=str(Path(folder) / "standin.sqlite"))
    return stack.enter_context(targets.embedded(config))


def has_network_faults(plan: Plan) -> bool:
    """Whether the plan has faults that need the proxy."""
    return any(isinstance(fault, NetworkFault) for fault in plan.faults)


def start_sidecars(
    plan: Plan,
    host: str,
    trial_id: str,
    out: Path,
    stack: ExitStack,
    standin: Standin | None = None,
) -> Sidecars:
    """
    Start what the plan needs, until the stack closes.

    Each sidecar writes its events to its own file in the trial's parts.

    Raises:
        UsageError: The target is not the embedded stand-in, so it cannot be restarted.
        HarnessError: A sidecar could not be started.
    """
    parts = out / PARTS
    parts.mkdir(parents=True, exist_ok=True)
    webhook_url, inbox = "", None
    if is_loopback(urlsplit(host).hostname or ""):
        events = parts / f"webhooks{EVENTS_SUFFIX}"
        secret = webhook_secret(trial_id)
        behaviour = plan.webhooks.model_dump(mode="json")
        inbox = Inbox(seed=plan.seed, events_path=events, secret=secret, behaviour=behaviour)
        webhook_url = stack.enter_context(inbox).url
    restart_specs = [fault for fault in plan.faults if isinstance(fault, RestartSpec)]
    network = [fault for fault in plan.faults if isinstance(fault, NetworkFault)]
    sidecars = Sidecars(webhook_url, parts / f"around{EVENTS_SUFFIX}", inbox, standin)
    if restart_specs:
        if standin is None:
            raise UsageError("the fault restart needs the embedded stand-in; leave --host out")
        restarts = Restarter(standin, restart_specs, out)
        stack.callback(restarts.cancel)
        sidecars = replace(sidecars, restarts=restarts)
    if network:
        events = parts / f"faults{EVENTS_SUFFIX}"
        proxy = FaultProxy(host, network, seed=plan.seed, events_path=events)
        sidecars = replace(sidecars, proxy=stack.enter_context(proxy))
    return sidecars
