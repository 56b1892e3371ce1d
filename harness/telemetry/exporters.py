"""
Watching a trial from outside: its live figures, handed on while it runs.

What is handed on comes over the progress pipe into the ``harness run`` process; the
load process only counts a little more (`harness.load.live_counters`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from rich.console import Console

from harness.load.progress import LiveMetrics


@dataclass(frozen=True, slots=True)
class TrialInfo:
    """What a trial is, for those who see its metrics beside others'."""

    trial_id: str
    scenario: str
    plan: str


@dataclass(slots=True)
class LatestMetrics:
    """
    The latest figures.

    Attributes:
        live: None before the first.
        url: Where Prometheus finds them; "" for nowhere.
    """

    live: LiveMetrics | None = None
    url: str = ""

    def update(self, live: LiveMetrics) -> None:
        """Take newer ones."""
        self.live = live


@dataclass(frozen=True, slots=True)
class Exporters:
    """
    Who watches.

    Attributes:
        prometheus: [HOST:]PORT where metrics are served; None for nowhere.
        otlp: URL of an OpenTelemetry collector that they are sent to; None for nowhere.
    """

    prometheus: str | None = None
    otlp: str | None = None

    def __bool__(self) -> bool:
        """Whether anybody does."""
        return self.prometheus is not None or self.otlp is not None

    @contextmanager
    def running(self, trial_info: TrialInfo, console: Console) -> Iterator[LatestMetrics]:
        """
        Hand figures on for as long as the block lasts.

        Args:
            trial_info: What the trial is.
            console: Where it is said where they are.

        Yields:
            What the figures are to be given to.

        Raises:
            UsageError: One cannot listen there, or the URL is none.
        """
        latest = LatestMetrics()
        # Only who watches pays for the imports.
        with ExitStack() as stack:
            if self.prometheus is not None:
                from harness.telemetry.prometheus import serve_metrics

                latest.url = stack.enter_context(serve_metrics(self.prometheus, trial_info, latest))
                text = f"metrics: {latest.url}"
                console.print(text, markup=False, highlight=False, soft_wrap=True)
            if self.otlp is not None:
                from harness.telemetry.otlp import export_metrics

                stack.enter_context(export_metrics(self.otlp, trial_info, latest, console))
            yield latest


NO_EXPORTERS = Exporters()
