"""The live metrics that exporters read: shared between the progress pipe and its readers."""

from __future__ import annotations

from dataclasses import dataclass

from harness.load.progress import LiveMetrics


@dataclass(frozen=True, slots=True)
class TrialInfo:
    """Labels that identify a trial next to others."""

    trial_id: str
    scenario: str
    plan: str


@dataclass(slots=True)
class LatestMetrics:
    """
    The latest metrics.

    Attributes:
        live: None before the first update.
        url: Where Prometheus can scrape them; "" for nowhere.
    """

    live: LiveMetrics | None = None
    url: str = ""

    def update(self, live: LiveMetrics) -> None:
        """Replace the metrics by newer ones."""
        self.live = live
