"""An objective: what it measures, which attempts it covers, whether a value meets it."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Literal

from harness.plan.slo.names import NOT_ERRORS, SOCKET_GROUPS
from harness.units import NS_PER_MS, NS_PER_S, NS_PER_US, format_duration

_UNITS_NS = {"ns": 1, "µs": NS_PER_US, "ms": NS_PER_MS, "s": NS_PER_S}

Clock = Literal["response", "service"]
Comparison = Literal["<", "<=", ">", ">="]
_COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@dataclass(frozen=True, slots=True)
class Latency:
    """
    A statistic of the ok attempts' times.

    Attributes:
        clock: From the intended start (``response``) or the sending (``service``).
        quantile: 0.99 for p99; 1.0 for ``max``; NaN for ``mean``.
    """

    clock: Clock
    statistic: Literal["percentile", "max", "mean"]
    quantile: float


@dataclass(frozen=True, slots=True)
class Share:
    """A share of the attempts: an outcome's name, or ``errors``."""

    outcome: str

    def counts(self, outcome: str) -> bool:
        """Whether an attempt with this outcome is in the share."""
        if self.outcome == "errors":
            return outcome not in NOT_ERRORS
        return outcome == self.outcome


@dataclass(frozen=True, slots=True)
class Throughput:
    """Ok attempts per second."""


Subject = Latency | Share | Throughput


@dataclass(frozen=True, slots=True)
class Slo:
    """
    One objective.

    Attributes:
        operation: None for all operations together.
        limit: Microseconds for a latency, a fraction for a share, attempts per second
            for a throughput.
    """

    source: str
    operation: str | None
    subject: Subject
    comparison: Comparison
    limit: float

    def applies_to(self, operation: str) -> bool:
        """Whether attempts of an operation count; a socket's name covers all its methods."""
        if self.operation is None or operation == self.operation:
            return True
        return self.operation in SOCKET_GROUPS and operation.startswith(f"{self.operation}.")

    def is_met_by(self, value: float) -> bool:
        """Whether a value in the unit of ``limit`` meets the objective."""
        return bool(_COMPARE[self.comparison](value, self.limit))

    def format(self, value: float) -> str:
        """Format a value of this objective's unit for people."""
        match self.subject:
            case Latency():
                return format_duration(value * 1_000)
            case Share():
                return f"{100 * value:.3g} %"
            case Throughput():
                return f"{value:.4g}/s"

    def format_exact(self, value: float) -> str:
        """Format a measured value; exactly, where rounding would make it equal to the limit."""
        text = self.format(value)
        if value == self.limit or text != self.format(self.limit):
            return text
        match self.subject:
            case Latency():
                unit = text.rpartition(" ")[2]
                unit = unit if unit in _UNITS_NS else "s"  # not minutes and hours
                return f"{value * NS_PER_US / _UNITS_NS[unit]:.6g} {unit}"
            case Share():
                return f"{100 * value:.6g} %"
            case Throughput():
                return f"{value:.8g}/s"

    @property
    def error_budget(self) -> float | None:
        """
        The share of bad events that the objective allows.

        0.01 for ``p99<…``, ``errors<1%`` and ``ok_rate>99%``; 0 for ``max<…``; None for a mean, a
        throughput and a lower bound on anything but ``ok``.
        """
        upper = self.comparison in ("<", "<=")
        match self.subject:
            case Latency(statistic="mean") | Throughput():
                return None
            case Latency():
                return round(1.0 - self.subject.quantile, 12)
            case Share(outcome="ok") if not upper:
                return round(1.0 - self.limit, 12)
            case Share():
                return self.limit if upper and self.subject.outcome != "ok" else None
