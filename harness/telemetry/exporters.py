"""
Export the live metrics of a running trial to Prometheus and OpenTelemetry.

The load process sends them through the progress pipe to the ``harness run`` process, which
exports them. The load process only counts in more detail (`harness.load.live_counters`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from rich.console import Console

from harness.telemetry.latest_metrics import LatestMetrics, TrialInfo


@dataclass(frozen=True, slots=True)
class Exporters:
    """Where live metrics go: a Prometheus [HOST:]PORT, and the URL of an OTLP collector."""

    prometheus: str | None = None
    otlp: str | None = None

    def __bool__(self) -> bool:
        """Return whether there is any exporter."""
        return self.prometheus is not None or self.otlp is not None

    @contextmanager
    def running(self, trial_info: TrialInfo, console: Console) -> Iterator[LatestMetrics]:
        """
        Export until the context ends; yields the object to update.

        Raises:
            UsageError: The address cannot be listened at, or the URL is invalid.
        """
        latest = LatestMetrics()
        # Import an exporter only when it is used: both are slow to import.
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
