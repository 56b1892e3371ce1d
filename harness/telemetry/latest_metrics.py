"""The live metrics that exporters read, and the texts that both exporters publish."""

from __future__ import annotations

from dataclasses import dataclass

from harness.load.progress import LiveMetrics

ATTEMPTS_HELP = "Attempts that ended, without probes."
LATENCY_HELP = {
    "response": "From the intended start of an attempt to its complete response.",
    "service": "From sending an attempt to its complete response.",
}
GAUGES_HELP = {
    "cpu_fraction": "Share of one core.",
    "loop_lag_s": "Worst lag of the event loop in a second.",
    "in_flight": "Calls in flight.",
}
"""Field of `GeneratorHealth` → text."""
LATE_STARTS_HELP = "Arrivals that started late."


@dataclass(frozen=True, slots=True)
class TrialInfo:
    """Labels that identify a trial next to others."""

    trial_id: str
    scenario: str
    plan: str


@dataclass(slots=True)
class LatestMetrics:
    """The latest metrics, None before the first update; ``url`` is where Prometheus reads them."""

    live: LiveMetrics | None = None
    url: str = ""

    def update(self, live: LiveMetrics) -> None:
        """Replace the metrics by newer ones."""
        self.live = live
