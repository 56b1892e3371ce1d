"""
ScenarioUser: a Locust user who takes arrivals and makes rounds of a workload.

A scenario is a `Workload` (settings and one `round`) and a `ScenarioUser` subclass
that names it. Everything else (when, how often, recording, ending) is the harness's.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, ClassVar, Protocol
from urllib.parse import quote

from locust import User, task
from locust.exception import StopUser

from harness.attempt import Phase
from harness.client.opensteer_client import OpensteerClient
from harness.clock import unix_ns
from harness.load import hooks
from harness.load.delayed_probes import Ask
from harness.load.generator import Generator
from harness.load.scheduler import Arrival
from harness.workload.payloads import Webhook, session_body


class Visit:
    """
    One arrival as a workload sees it.

    Attributes:
        client: The user's client.
        number: The arrival's number: payloads are functions of (seed, number).
        seed: The plan's seed.
    """

    __slots__ = (
        "_chance",
        "_generator",
        "_keys",
        "_prefix",
        "_seeded",
        "client",
        "number",
        "phase",
        "seed",
    )

    def __init__(self, generator: Generator, client: OpensteerClient) -> None:
        self._generator = generator
        self._keys = 0
        self.client = client
        self._chance = Random()
        self._seeded = False
        self._prefix = generator.spec.trial_id
        self.seed = generator.plan.seed
        self.number = 0
        self.phase = ""

    def begin(self, arrival: Arrival) -> None:
        """Turn to the next arrival."""
        self.number = arrival.number
        self.phase = arrival.phase
        self._keys = 0
        self._seeded = False
        self.client.arrive(arrival.phase, arrival.intended_ns)

    def session_body(self) -> bytes:
        """The body of this arrival's create_session, of the plan's contract version."""
        version = self._generator.plan.contract.version
        return session_body(self.seed, self.number, contract_version=version)

    def key(self) -> str:
        """A new Idempotency-Key, unique in the world."""
        self._keys += 1
        return f"{self._prefix}-{self.number}-{self._keys}"

    @property
    def chance(self) -> Random:
        """Random numbers that depend on (seed, number) only."""
        if not self._seeded:  # seeding costs 4 µs, which not every arrival needs
            self._chance.seed(f"{self.seed}/{self.number}")
            self._seeded = True
        return self._chance

    def sleep(self, seconds: float) -> None:
        """Let time pass, cut short when the trial is being stopped."""
        self._generator.sleep(seconds)

    @property
    def stopping(self) -> bool:
        """Whether the trial is being stopped: finish what must be finished."""
        return self._generator.seat.stopping

    def probing(self) -> bool:
        """Whether this occasion shall be used for a probe; then call `as_probe`."""
        share = self._generator.plan.probes.share
        return share > 0 and not self.stopping and self.chance.random() < share

    def remember(self, ask: Ask) -> None:
        """Have this asked again later, as a probe, by whoever has time then."""
        self._generator.memory.remember(ask, unix_ns())

    def recall(self) -> None:
        """Ask again what is due; call it when the arrival's own work is done."""
        memory = self._generator.memory
        if memory.empty or self.stopping:
            return
        if ask := memory.recall(unix_ns()):
            self.as_probe()
            ask(self.client)

    def as_probe(self) -> None:
        """What follows is a probe, outside every SLO, until `as_load`."""
        self.client.arrive(Phase.PROBE.value, 0)

    def as_load(self) -> None:
        """What follows counts again."""
        self.client.arrive(self.phase, 0)

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

    def round(self, visit: Visit) -> None:
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
        turnstile = generator.turnstile
        if turnstile is None:
            raise StopUser
        client = OpensteerClient(
            generator.connect(), generator.seat, generator.ledger, dialer=generator.dialer
        )
        visit = Visit(generator, client)
        choose = hooks.chooser_of(self.environment, type(self))
        try:
            while (arrival := turnstile.take()) is not None:
                try:
                    visit.begin(arrival)
                    choose(visit).round(visit)
                    visit.recall()
                except Exception:  # noqa: BLE001  whatever a scenario raises
                    # A bug in a scenario must be seen, and must not end the user.
                    hooks.report_crash(self.environment)
                finally:
                    turnstile.end()
        finally:
            client.close()
        raise StopUser


hooks.attach()
