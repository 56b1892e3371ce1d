"""
ScenarioUser: a Locust user that takes arrivals and runs iterations of a workload.

A scenario is a `Workload` (settings and `run_iteration`) and a `ScenarioUser` subclass that names
it. The harness does everything else: timing, recording, ending.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, ClassVar, Protocol
from urllib.parse import quote

from locust import User, task
from locust.exception import StopUser

from harness.attempt import ReservedPhase
from harness.client.opensteer_client import OpensteerClient
from harness.clock import unix_ns
from harness.load import hooks
from harness.load.delayed_probes import Probe
from harness.load.generator import LoadGenerator
from harness.load.scheduler import Arrival
from harness.workload.payloads import Webhook, session_body


class Iteration:
    """One arrival as a workload sees it; payloads are functions of (seed, number)."""

    __slots__ = (
        "_generator", "_keys", "_prefix", "_rng", "_seeded", "client", "number", "phase", "seed"
    )  # fmt: skip

    def __init__(self, generator: LoadGenerator, client: OpensteerClient) -> None:
        self._generator = generator
        self._keys = 0
        self.client = client
        self._rng = Random()
        self._seeded = False
        self._prefix = f"{generator.spec.trial_id}-{generator.spec.load_prefix}"
        self.seed = generator.plan.seed
        self.number = 0
        self.phase = ""

    def begin(self, arrival: Arrival) -> None:
        """Move to the next arrival."""
        self.number = arrival.number
        self.phase = arrival.phase
        self._keys = 0
        self._seeded = False
        self.client.begin_iteration(arrival.phase, arrival.intended_ns)

    def session_body(self) -> bytes:
        """The body of this arrival's create_session, in the plan's contract version."""
        version = self._generator.plan.contract.version
        return session_body(self.seed, self.number, contract_version=version)

    def new_idempotency_key(self) -> str:
        """A new, globally unique Idempotency-Key."""
        self._keys += 1
        return f"{self._prefix}{self.number}-{self._keys}"

    @property
    def rng(self) -> Random:
        """Random numbers that depend on (seed, number) only."""
        if not self._seeded:  # seeding costs 4 µs
            self._rng.seed(f"{self.seed}/{self.number}")
            self._seeded = True
        return self._rng

    def sleep(self, seconds: float) -> None:
        """Sleep; returns early when the trial stops."""
        self._generator.sleep(seconds)

    @property
    def stopping(self) -> bool:
        """Whether the trial is stopping: finish only what must be finished."""
        return self._generator.context.stopping

    def should_probe(self) -> bool:
        """Whether to send a probe here; then call `begin_probe`."""
        share = self._generator.plan.probes.share
        return share > 0 and not self.stopping and self.rng.random() < share

    def schedule_probe(self, probe: Probe) -> None:
        """Repeat this request later as a probe."""
        self._generator.delayed_probes.schedule(probe, unix_ns())

    def send_due_probe(self) -> None:
        """Send a probe that is due; call it after the arrival's own calls."""
        delayed_probes = self._generator.delayed_probes
        if delayed_probes.empty or self.stopping:
            return
        if probe := delayed_probes.next_due(unix_ns()):
            self.begin_probe()
            probe(self.client)

    def begin_probe(self) -> None:
        """Count the following calls as probes, outside every SLO, until `end_probe`."""
        self.client.begin_iteration(ReservedPhase.PROBE.value, 0)

    def end_probe(self) -> None:
        """Count the following calls as load again."""
        self.client.begin_iteration(self.phase, 0)

    @property
    def webhook_url(self) -> str:
        """Where runs report to; "" for nowhere."""
        return self._generator.spec.webhook_url

    def webhook(self, events: tuple[str, ...], key: str) -> Webhook:
        """The ``webhook`` of a run that reports these events, tagged with its key."""
        url = f"{self.webhook_url}/{quote(key, safe='')}"
        return Webhook(url, self._generator.webhook_secret, events)


class Workload(Protocol):
    """The calls of one arrival. ``sockets``, if present, is how many sockets a user holds."""

    def run_iteration(self, iteration: Iteration) -> None:
        """Make the calls of one arrival."""


class ScenarioUser(User):
    """
    Base of the harness's users; a subclass names its workloads.

    ``workloads`` is name (as in the plan's ``[scenario.NAME]`` and ``[weights]``) → class.
    """

    abstract = True
    workloads: ClassVar[Mapping[str, Any]] = {}

    @task
    def work(self) -> None:
        """Take arrivals until none are left."""
        generator = hooks.generator_of(self.environment)
        generator.ready.wait()
        scheduler = generator.scheduler
        if scheduler is None:
            raise StopUser
        client = OpensteerClient(
            generator.connect(), generator.context, generator.ledger, dialer=generator.dialer
        )
        iteration = Iteration(generator, client)
        pick = hooks.workload_picker(self.environment, type(self))
        try:
            while (arrival := scheduler.next_arrival()) is not None:
                try:
                    iteration.begin(arrival)
                    pick(iteration).run_iteration(iteration)
                    iteration.send_due_probe()
                except Exception:  # noqa: BLE001  a scenario can raise anything
                    # Report a scenario's bug; the user continues.
                    hooks.report_crash(self.environment)
                finally:
                    scheduler.arrival_done()
        finally:
            client.close()
        raise StopUser


hooks.attach()
