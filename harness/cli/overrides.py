"""Overrides: options of the command line that change a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.errors import UsageError
from harness.faults.spec import parse_fault
from harness.plan.file import build_plan
from harness.plan.model import Plan
from harness.units import parse_duration_ns


@dataclass(frozen=True, slots=True)
class Overrides:
    """
    The options; None leaves the plan's value.

    Attributes:
        rate: Arrivals per second in every phase.
        closed: Closed model instead of the plan's.
        duration: Length of the only phase that replaces the plan's.
        faults: Fault specs, added to the plan's.
    """

    rate: float | None = None
    users: int | None = None
    closed: bool = False
    duration: str | None = None
    seed: int | None = None
    faults: tuple[str, ...] = ()


def apply_overrides(plan: Plan, overrides: Overrides) -> Plan:
    """Apply the overrides and validate the plan again; raises UsageError."""
    document = plan.model_dump(mode="json", by_alias=True)
    load = document["load"]
    if overrides.duration is not None:
        load["phases"] = [_one_phase(plan, overrides.duration)]
    if overrides.rate is not None:
        if overrides.rate <= 0:
            raise UsageError(f"--rate {overrides.rate:g}: must be above zero")
        if overrides.closed or load["model"] == "closed":
            raise UsageError("--rate: a closed load has no arrival rate; leave it out")
        for phase in load["phases"]:
            phase["rate"] = overrides.rate
    if overrides.users is not None:
        load["users"] = overrides.users
    if overrides.closed:
        load["model"] = "closed"
    if overrides.seed is not None:
        document["seed"] = overrides.seed
    document["faults"] = [*document["faults"], *map(_parse_fault, overrides.faults)]
    return build_plan(document, "command line")


def _one_phase(plan: Plan, duration: str) -> dict[str, Any]:
    """The plan's longest measured phase, as the only one."""
    try:
        parse_duration_ns(duration)
    except ValueError as error:
        raise UsageError(f"--duration: {error}") from error
    measured = [phase for phase in plan.load.phases if phase.measured] or plan.load.phases
    main: dict[str, Any] = max(measured, key=lambda p: p.duration).model_dump(mode="json")
    rate = main["rate"]
    return main | {"duration": duration, "rate": max(rate) if isinstance(rate, list) else rate}


def _parse_fault(text: str) -> dict[str, Any]:
    try:
        return parse_fault(text).to_table()
    except UsageError as error:
        raise UsageError(f"--fault: {error}") from error
