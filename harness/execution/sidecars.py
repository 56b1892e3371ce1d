"""
What stands around a trial's target: the fault proxy before it, the webhook inbox behind,
and what kills and restarts the embedded stand-in.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
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
"""What the embedded stand-in says that it did; no check reads it."""
DELIVERY_GRACE_S = 1.0
"""How long the inbox stays open after the load, for what is still on its way."""


@dataclass(frozen=True, slots=True)
class Sidecars:
    """
    What was started around the target.

    Attributes:
        webhook_url: The inbox; "" when the target could not reach it.
        events: Where is written what became of these.
        inbox: What listens at that URL.
        standin: The embedded stand-in; None for another target.
        proxy: The fault proxy; None without network faults.
        restarts: What restarts the stand-in; None without such faults.
    """

    webhook_url: str
    events: Path
    inbox: Inbox | None = None
    standin: Standin | None = None
    proxy: FaultProxy | None = None
    restarts: Restarter | None = None

    @property
    def via(self) -> str:
        """Host and port of what the load goes through; "" for nothing."""
        return "" if self.proxy is None else urlsplit(self.proxy.url).netloc

    def begin(self, load_start_ns: int) -> None:
        """To be called with the load's start: faults count from it."""
        if self.proxy is not None:
            self.proxy.begin(load_start_ns)
        if self.restarts is not None:
            self.restarts.begin(load_start_ns)

    def end(self) -> None:
        """
        The load is over: end the restarts, wait for the last deliveries.

        Raises:
            HarnessError: The stand-in did not come back from a restart, or the proxy died:
                what was sent from then on met no target.
        """
        if self.restarts is not None:
            self.restarts.end()
        if self.webhook_url:
            time.sleep(DELIVERY_GRACE_S)
        if self.inbox is not None and self.inbox.has_died:
            data = {"text": "the webhook inbox died amidst the load", "lost": INBOX_LOST}
            line = msgspec.json.encode(Event(unix_ns(), "note", data=data))
            write_atomically(self.events, line + b"\n")
        if self.proxy is not None and self.proxy.has_died:
            raise NothingObservedError(
                "the fault proxy died amidst the load; what was sent afterwards met no target"
            )

    def save_ground_truth(self, out: Path) -> None:
        """When nothing more is sent: write down what the embedded stand-in says it did."""
        if self.standin is None:
            return
        try:
            truth = self.standin.truth()
        except OSError:  # it died: the trial's attempts tell of that
            return
        write_json(out / GROUND_TRUTH, truth)


def start_target(plan: Plan, config: StandinConfig | None, stack: ExitStack) -> Standin:
    """
    The embedded stand-in, for as long as the stack lasts; with a state file where it is
    to be restarted.

    Raises:
        TargetError: It did not start.
    """
    config = config or StandinConfig()
    if any(isinstance(fault, RestartSpec) for fault in plan.faults) and not config.state:
        folder = stack.enter_context(TemporaryDirectory(prefix="harness-"))
        config = msgspec.structs.replace(config, state=str(Path(folder) / "standin.sqlite"))
    return stack.enter_context(targets.embedded(config))


def has_network_faults(plan: Plan) -> bool:
    """Whether the plan asks for faults that the proxy makes."""
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
    Start what the plan asks for, for as long as the stack lasts.

    Args:
        plan: The plan.
        host: The target's base URL.
        trial_id: The trial.
        out: Its directory.
        stack: Ends what was started.
        standin: The embedded stand-in, where that is the target.

    Their events go to files of their own under the trial's parts; finishing the trial
    puts all events into one file.

    Raises:
        UsageError: The target is not ours to restart.
        HarnessError: One of them could not be started.
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
    sidecar_events = parts / f"around{EVENTS_SUFFIX}"
    restart_specs = [fault for fault in plan.faults if isinstance(fault, RestartSpec)]
    network = [fault for fault in plan.faults if isinstance(fault, NetworkFault)]
    sidecars = Sidecars(webhook_url, sidecar_events, inbox, standin)
    if restart_specs:
        restarts = _prepare_restarts(restart_specs, standin, out)
        stack.callback(restarts.cancel)
        sidecars = replace(sidecars, restarts=restarts)
    if not network:
        return sidecars
    events = parts / f"faults{EVENTS_SUFFIX}"
    proxy = stack.enter_context(FaultProxy(host, network, seed=plan.seed, events_path=events))
    return replace(sidecars, proxy=proxy)


def _prepare_restarts(
    specs: Sequence[RestartSpec], standin: Standin | None, out: Path
) -> Restarter:
    if standin is None:
        raise UsageError(
            "the fault restart kills and restarts the embedded stand-in; leave --host out"
        )
    return Restarter(standin, specs, out)
