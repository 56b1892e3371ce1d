"""
Plans: what a trial does, as a checked document with a default for every key.

The models here are the schema. `harness.plan.file` reads TOML into them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Strict, Tag, model_validator

from harness.attempt import ReservedPhase
from harness.contract.versions import CONTRACT_VERSION
from harness.errors import UsageError
from harness.faults.spec import Fault, Webhooks
from harness.fields import Duration, Flag, Number, Positive, Share, Table
from harness.plan import arrivals
from harness.plan.slo import Slo, parse_slos
from harness.plan.tolerances import (
    OUTCOME_DEFAULT,
    RELATIVE_DEFAULT,
    Tolerances,
    validate_tolerance_key,
)
from harness.units import NS_PER_S

RATE_MAX_PER_S = 1_000_000
Rate = Annotated[float, Strict(), Field(ge=0, le=RATE_MAX_PER_S)]

_BRANCHES = ("[number]", "[ramp]")
RateOrRamp = Annotated[
    Annotated[Rate, Tag(_BRANCHES[0])] | Annotated[tuple[Rate, Rate], Tag(_BRANCHES[1])],
    Discriminator(lambda value: _BRANCHES[isinstance(value, list | tuple)]),
]


def _check_slo(text: str) -> str:
    try:
        parse_slos(text)
    except UsageError as error:
        raise ValueError(str(error)) from error
    return text


class PhaseTable(Table):
    """One phase of an open load: its rate is a number, or a ramp [from, to] (arrivals/s)."""

    name: str = "load"
    duration: Positive
    rate: RateOrRamp
    spacing: Literal["uniform", "poisson"] = "uniform"
    measured: Flag = True

    def to_phase(self) -> arrivals.Phase:
        """The phase as the schedule takes it."""
        start, end = self.rate if isinstance(self.rate, tuple) else (self.rate, self.rate)
        return arrivals.Phase(self.name, self.duration, start, end, self.spacing, self.measured)


class LoadTable(Table):
    """
    How calls arrive.

    Attributes:
        model: ``open`` starts calls by the schedule, ``closed`` by users who wait.
        users: Open: the most calls in flight. Closed: the number of users.
        connections: The most connections of a process, shared by its users; 0 gives each
            user a connection.
        wait: Closed: a user's pause between two iterations, seconds, uniform in this range.
        phases: The schedule; in a closed load only names, durations and ``measured``.
        grace: How long calls in flight at the end may take to end.
    """

    model: Literal["open", "closed"] = "open"
    users: Annotated[int, Strict(), Field(ge=1, le=100_000)] = 100
    connections: Annotated[int, Strict(), Field(ge=0, le=100_000)] = 0
    wait: tuple[Number, Number] = (0.1, 0.5)
    phases: Annotated[tuple[PhaseTable, ...], Field(min_length=1, max_length=1000)] = (
        PhaseTable(name="load", duration="10s", rate=20),
    )
    grace: Duration = 15 * NS_PER_S

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [phase.name for phase in self.phases]
        if len(set(names)) < len(names):
            msg = "two phases have the same name"
            raise ValueError(msg)
        if reserved := set(names) & (set(ReservedPhase) - {ReservedPhase.LOAD}):
            msg = f"the phase name {min(reserved)!s} is reserved; choose another name"
            raise ValueError(msg)
        if self.wait[0] > self.wait[1]:
            msg = "wait = [shortest, longest]: the first is larger than the second"
            raise ValueError(msg)
        return self


class RetryTable(Table):
    """When to retry a call; see `harness.client.retries`."""

    attempts: Annotated[int, Strict(), Field(ge=1, le=100)] = 5
    budget_fraction: Share = 0.1
    deadline: Positive = 30 * NS_PER_S
    base: Positive = NS_PER_S // 10
    cap: Positive = 5 * NS_PER_S


class TimeoutsTable(Table):
    """Bounds of one attempt."""

    connect: Positive = 2 * NS_PER_S
    read: Positive = 10 * NS_PER_S


class SloTable(Table):
    """
    Objectives, in the grammar of `harness.plan.slo`, and whether to check for drift.

    A load of under ten minutes is checked for drift only when ``drift`` is set
    (`harness.checks.drift`).
    """

    drift: Flag = False
    must: tuple[Annotated[str, AfterValidator(_check_slo)], ...] = ()

    def to_slos(self) -> tuple[Slo, ...]:
        """The objectives, parsed."""
        return tuple(slo for text in self.must for slo in parse_slos(text))


class ProbesTable(Table):
    """Probes that reveal broken promises, as shares of the calls they follow."""

    share: Share = 0.05


class ContractTable(Table):
    """Which version of the cloud session contract to ask for."""

    version: Annotated[str, Field(pattern=r"^v[0-9]{1,4}$")] = CONTRACT_VERSION


Tolerance = Annotated[float, Strict(), Field(gt=0, le=10)]


class CompareTable(Table):
    """Tolerances of `harness compare`; see `harness.plan.tolerances`."""

    threshold: Tolerance = RELATIVE_DEFAULT
    outcomes: Tolerance = OUTCOME_DEFAULT
    metrics: dict[Annotated[str, AfterValidator(validate_tolerance_key)], Tolerance] = Field(
        default_factory=dict
    )

    def to_tolerances(self) -> Tolerances:
        """The tolerances as the comparison takes them."""
        return Tolerances(self.threshold, self.outcomes, self.metrics)


class Plan(Table):
    """A plan; every key has a default."""

    name: str = "unnamed"
    description: str = ""
    seed: Annotated[int, Strict(), Field(ge=0, lt=2**63)] = 1
    load: LoadTable = LoadTable()
    weights: dict[str, Number] = Field(default_factory=dict)
    scenario: dict[str, dict[str, Any]] = Field(default_factory=dict)
    contract: ContractTable = ContractTable()
    retry: RetryTable = RetryTable()
    timeouts: TimeoutsTable = TimeoutsTable()
    slo: SloTable = SloTable()
    probes: ProbesTable = ProbesTable()
    webhooks: Webhooks = Webhooks()
    compare: CompareTable = CompareTable()
    faults: tuple[Fault, ...] = ()

    def phases(self) -> tuple[arrivals.Phase, ...]:
        """The schedule's phases."""
        return tuple(phase.to_phase() for phase in self.load.phases)

    @property
    def duration_ns(self) -> int:
        """Length of the load, all phases together."""
        return sum(phase.duration for phase in self.load.phases)
