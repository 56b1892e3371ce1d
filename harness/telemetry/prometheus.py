"""
Serve live metrics to Prometheus: ``harness run --prometheus [HOST:]PORT``.

The server runs in the ``harness run`` process, so that a scrape costs the load process nothing.
Latencies are classic histograms: native ones need Prometheus' protobuf format, which its
Python client cannot write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
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
from harness.load.live_counters import BOUNDS_US, US_PER_S, GeneratorHealth
from harness.load.progress import LiveMetrics
from harness.telemetry.latest_metrics import (
    ATTEMPTS_HELP,
    GAUGES_HELP,
    LATE_STARTS_HELP,
    LATENCY_HELP,
    LatestMetrics,
    TrialInfo,
)

PREFIX = "opensteer_harness_"
_LABELS = ("operation", "outcome")
_GAUGE_NAMES = {"loop_lag_s": "loop_lag_seconds"}
"""Names that differ from the field of `GeneratorHealth`."""
_BOUNDS = [*(f"{bound / US_PER_S:g}" for bound in BOUNDS_US), "+Inf"]


def parse_listener(text: str) -> tuple[str, int]:
    """Parse [HOST:]PORT, loopback without a host; raises UsageError."""
    try:
        return parse_address(text, host=LOOPBACK)
    except ValueError as error:
        raise UsageError(f"--prometheus {text!r}: {error}") from error


@contextmanager
def serve_metrics(listener: str, trial_info: TrialInfo, latest: LatestMetrics) -> Iterator[str]:
    """
    Serve the latest metrics until the context ends; yields the URL.

    Raises:
        UsageError: The address cannot be used.
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
    """Makes Prometheus metrics of the latest `LiveMetrics` at each scrape."""

    def __init__(self, trial_info: TrialInfo, latest: LatestMetrics) -> None:
        self._trial_info = trial_info
        self._latest = latest

    def describe(self) -> list[Any]:
        """Return none: names are known only once there are metrics."""
        return []

    def collect(self) -> Iterator[Any]:
        """The metrics of this moment."""
        info = InfoMetricFamily(PREFIX + "trial", "The trial that is running.")
        info.add_metric((), asdict(self._trial_info))
        yield info
        live = self._latest.live
        if live is None:
            return
        for name, text, value in (
            ("elapsed", "Time since the load began.", live.elapsed_s),
            ("planned", "Planned length of the load.", live.planned_s),
        ):
            yield GaugeMetricFamily(f"{PREFIX}load_{name}_seconds", text, value)
        yield from _attempts(live)
        yield from _generators(live.generators)


def _attempts(live: LiveMetrics) -> Iterator[Any]:
    attempts = CounterMetricFamily(PREFIX + "attempts", ATTEMPTS_HELP, labels=_LABELS)
    families = {
        metric: HistogramMetricFamily(f"{PREFIX}{metric}_seconds", text, labels=_LABELS)
        for metric, text in LATENCY_HELP.items()
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


def _generators(rows: Iterable[GeneratorHealth]) -> Iterator[Any]:
    name, labels = PREFIX + "generator_", ("worker",)
    families: dict[str, Any] = {
        field: GaugeMetricFamily(name + _GAUGE_NAMES.get(field, field), text, labels=labels)
        for field, text in GAUGES_HELP.items()
    }
    late = "late_starts"
    families[late] = CounterMetricFamily(name + late, LATE_STARTS_HELP, labels=labels)
    for field, family in families.items():
        for row in rows:
            family.add_metric((row.worker,), getattr(row, field))
        yield family
