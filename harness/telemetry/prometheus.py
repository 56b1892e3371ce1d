"""
Live figures as Prometheus metrics: served by ``harness run --prometheus [HOST:]PORT``.

The server is of the ``harness run`` process; a scrape costs the load process nothing.
Latencies are classic histograms: native ones travel in Prometheus' protobuf format
only, which its Python client does not speak.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

from harness.addresses import LOOPBACK, parse_address
from harness.errors import UsageError
from harness.load.live_counters import BOUNDS_US, US_PER_S
from harness.load.progress import LiveMetrics
from harness.telemetry.latest_metrics import LatestMetrics, TrialInfo

PREFIX = "opensteer_harness_"
_LABELS = ("operation", "outcome")
_LATENCIES = {
    "response": "From the intended start of an attempt until its whole answer.",
    "service": "From sending an attempt until its whole answer.",
}
_BOUNDS = [*(f"{bound / US_PER_S:g}" for bound in BOUNDS_US), "+Inf"]


def parse_listener(text: str) -> tuple[str, int]:
    """
    [HOST:]PORT; loopback without a host.

    Raises:
        UsageError: It is none.
    """
    try:
        return parse_address(text, host=LOOPBACK)
    except ValueError as error:
        raise UsageError(f"--prometheus {text!r}: {error}") from error


@contextmanager
def serve_metrics(listener: str, trial_info: TrialInfo, latest: LatestMetrics) -> Iterator[str]:
    """
    Serve the latest figures at /metrics.

    Args:
        listener: [HOST:]PORT; port 0 takes a free one.
        trial_info: What the trial is.
        latest: Where its figures are.

    Yields:
        The URL.

    Raises:
        UsageError: One cannot listen there.
    """
    host, port = parse_listener(listener)
    registry = CollectorRegistry()
    registry.register(LiveCollector(trial_info, latest))
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise UsageError(f"--prometheus {listener}: {error.strerror or error}") from error
    shown = f"[{host}]" if ":" in host else host
    try:
        yield f"http://{shown}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class LiveCollector(Collector):
    """Makes metrics of the latest `LiveMetrics` when they are asked for."""

    def __init__(self, trial_info: TrialInfo, latest: LatestMetrics) -> None:
        self._trial_info = trial_info
        self._latest = latest

    def describe(self) -> list[Any]:
        """Names are known only when there are figures."""
        return []

    def collect(self) -> Iterator[Any]:
        """The metrics of this moment."""
        trial_info = self._trial_info
        info = InfoMetricFamily(PREFIX + "trial", "The trial that is running.")
        info.add_metric(
            (),
            {
                "trial_id": trial_info.trial_id,
                "scenario": trial_info.scenario,
                "plan": trial_info.plan,
            },
        )
        yield info
        live = self._latest.live
        if live is None:
            return
        yield GaugeMetricFamily(
            PREFIX + "load_elapsed_seconds", "Since the load began.", live.elapsed_s
        )
        yield GaugeMetricFamily(
            PREFIX + "load_planned_seconds", "Its planned length.", live.planned_s
        )
        yield from _attempts(live)
        yield from _generators(live)


def _attempts(live: LiveMetrics) -> Iterator[Any]:
    attempts = CounterMetricFamily(
        PREFIX + "attempts", "Attempts that ended, probes left out.", labels=_LABELS
    )
    families = {
        metric: HistogramMetricFamily(f"{PREFIX}{metric}_seconds", text, labels=_LABELS)
        for metric, text in _LATENCIES.items()
    }
    for series in live.series:
        labels = (series.operation, series.outcome)
        if series.metric == "response":
            attempts.add_metric(labels, series.count)
        counts = accumulate(series.buckets)
        families[series.metric].add_metric(
            labels, list(zip(_BOUNDS, map(float, counts), strict=True)), series.sum_s
        )
    yield attempts
    yield from families.values()


def _generators(live: LiveMetrics) -> Iterator[Any]:
    labels = ("worker",)
    name = PREFIX + "generator_"
    cpu = GaugeMetricFamily(name + "cpu_fraction", "Share of one core.", labels=labels)
    lag = GaugeMetricFamily(
        name + "loop_lag_seconds", "Worst lag of the event loop in a second.", labels=labels
    )
    flight = GaugeMetricFamily(name + "in_flight", "Calls under way.", labels=labels)
    late = CounterMetricFamily(name + "late_starts", "Arrivals begun late.", labels=labels)
    for generator in live.generators:
        worker = (generator.worker,)
        cpu.add_metric(worker, generator.cpu_fraction)
        lag.add_metric(worker, generator.loop_lag_s)
        flight.add_metric(worker, generator.in_flight)
        late.add_metric(worker, generator.late_starts)
    yield from (cpu, lag, flight, late)
