"""
ScenarioUser: a Locust user who takes arrivals and makes rounds of a workload.

A scenario is a `Workload` (settings and one `run_iteration`) and a `ScenarioUser` subclass
that names it. Everything else (when, how often, recording, ending) is the harness's.
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
    """
    One arrival as a workload sees it.

    Attributes:
        client: The user's client.
        number: The arrival's number: payloads are functions of (seed, number).
        seed: The plan's seed.
    """

    __slots__ = (
        "_generator",
        "_keys",
        "_prefix",
        "_rng",
        "_seeded",
        "client",
        "number",
        "phase",
        "seed",
    )

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
        """Turn to the next arrival."""
        self.number = arrival.number
        self.phase = arrival.phase
        self._keys = 0
        self._seeded = False
        self.client.begin_iteration(arrival.phase, arrival.intended_ns)

    def session_body(self) -> bytes:
        """The body of this arrival's create_session, of the plan's contract version."""
        version = self._generator.plan.contract.version
        return session_body(self.seed, self.number, contract_version=version)

    def new_idempotency_key(self) -> str:
        """A new Idempotency-Key, unique in the world."""
        self._keys += 1
        return f"{self._prefix}{self.number}-{self._keys}"

    @property
    def rng(self) -> Random:
        """Random numbers that depend on (seed, number) only."""
        if not self._seeded:  # seeding costs 4 µs, which not every arrival needs
            self._rng.seed(f"{self.seed}/{self.number}")
            self._seeded = True
        return self._rng

    def sleep(self, seconds: float) -> None:
        """Let time pass, cut short when the trial is being stopped."""
        self._generator.sleep(seconds)

    @property
    def stopping(self) -> bool:
        """Whether the trial is being stopped: finish what must be finished."""
        return self._generator.context.stopping

    def should_probe(self) -> bool:
        """Whether this occasion shall be used for a probe; then call `begin_probe`."""
        share = self._generator.plan.probes.share
        return share > 0 and not self.stopping and self.rng.random() < share

    def schedule_probe(self, probe: Probe) -> None:
        """Have this asked again later, as a probe, by whoever has time then."""
        self._generator.delayed_probes.schedule(probe, unix_ns())

    def send_due_probe(self) -> None:
        """Ask again what is due; call it when the arrival's own work is done."""
        delayed_probes = self._generator.delayed_probes
        if delayed_probes.empty or self.stopping:
            return
        if probe := delayed_probes.next_due(unix_ns()):
            self.begin_probe()
            probe(self.client)

    def begin_probe(self) -> None:
        """What follows is a probe, outside every SLO, until `end_probe`."""
        self.client.begin_iteration(ReservedPhase.PROBE.value, 0)

    def end_probe(self) -> None:
        """What follows counts again."""
        self.client.begin_iteration(self.phase, 0)

    @property
    def webhook_url(self) -> str:
        """Where runs shall report to; "" for nowhere."""
        return self._generator.spec.webhook_url

    def webhook(self, events: tuple[str, ...], key: str) -> Webhook:
        """The ``webhook`` of a run that shall report these events, tagged with its key."""
        url = f"{self.webhook_url}/{quote(key, safe='')}"
        return Webhook(url, self._generator.webhook_secret, events)


class Workload(Protocol):
    """What one arrival does. Its ``sockets``, where it has any, is how many a user holds."""

    def run_iteration(self, iteration: Iteration) -> None:
        """Make the calls of one arrival."""


class ScenarioUser(User):
    """
    Base of the harness's users; a subclass names its workloads.

    Attributes:
        workloads: Name (as in the plan's ``[scenario.NAME]`` and ``[weights]``) → class.
    """

    abstract = True
    workloads: ClassVar[Mapping[str, Any]] = {}

    @task
    def work(self) -> None:
        """Take arrivals until there are none, then end."""
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
                except Exception:  # noqa: BLE001  whatever a scenario raises
                    # A bug in a scenario must be seen, and must not end the user.
                    hooks.report_crash(self.environment)
                finally:
                    scheduler.arrival_done()
        finally:
            client.close()
        raise StopUser


hooks.attach()
