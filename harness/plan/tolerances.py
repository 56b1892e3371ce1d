"""
Tolerances of a comparison, by metric: how much worse is too much.

Latencies and throughput are compared by their relative change. Shares of outcomes are compared
by their difference: a share that was zero has no relative change, and a doubling from one
refusal in a thousand is not worth a failed gate. The key of a tolerance is
``[operation.]metric``::

    p99   response.p99   create_session.response.p99   throughput   outcome.timeout

The most specific key wins: a key with an operation over one without, a key with a clock over
one without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.plan.slo import OPERATIONS, OUTCOMES, SOCKET_GROUPS
from harness.suggestions import suggest

RELATIVE_DEFAULT = 0.05
"""Default for latencies and throughput: 5 % of the baseline."""
OUTCOME_DEFAULT = 0.005
"""Default for the share of an outcome: half a percentage point of all attempts."""

_PERCENTILES = ("p50", "p90", "p99", "p99.9")
_CLOCKS = ("response", "service")
METRICS = (
    *_PERCENTILES,
    *(f"{clock}.{name}" for clock in _CLOCKS for name in _PERCENTILES),
    "throughput",
    "outcome",
    *(f"outcome.{name}" for name in OUTCOMES if name != "ok"),
)
"""Metrics that a key may name after the operation."""


@dataclass(frozen=True, slots=True)
class Tolerances:
    """
    The tolerances of one comparison, by key.

    ``relative`` is for latencies and throughput without a key, ``outcome`` for shares of outcomes.
    """

    relative: float = RELATIVE_DEFAULT
    outcome: float = OUTCOME_DEFAULT
    metrics: Mapping[str, float] = field(default_factory=dict)

    def of(self, operation: str, metric: str) -> float:
        """The tolerance of one metric, such as ``response.p99`` or ``outcome.timeout``."""
        group, _, last = metric.rpartition(".") if metric.count(".") == 1 else ("", "", metric)
        if metric.endswith("p99.9"):
            group, last = metric.removesuffix("p99.9").rstrip("."), "p99.9"
        general = group if group == "outcome" else last
        for key in (f"{operation}.{metric}", f"{operation}.{general}", metric, general):
            if key in self.metrics:
                return self.metrics[key]
        return self.outcome if group == "outcome" else self.relative


def validate_tolerance_key(key: str) -> str:
    """Return a valid key; raise ValueError with the nearest metric for any other."""
    first, _, rest = key.partition(".")
    metric = rest if first in OPERATIONS else key
    of_method = first in SOCKET_GROUPS and any(rest.endswith(f".{known}") for known in METRICS)
    if metric in METRICS or of_method:
        return key
    msg = f"{key!r} names no metric of a comparison; {suggest(metric, METRICS)}"
    raise ValueError(msg)
