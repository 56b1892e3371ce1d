"""
Send live metrics to an OpenTelemetry collector: ``harness run --otlp URL``, OTLP over HTTP.

The data are the cumulative counts that Prometheus gets, as data points of the SDK: its
instruments take single measurements, which would be counted again. The SDK's exporter sends
them every few seconds and at the end. A collector that does not answer never fails a trial.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from rich.console import Console

from harness import __version__
from harness.clock import unix_ns
from harness.complaints import complain
from harness.errors import UsageError
from harness.load.live_counters import BOUNDS_US, US_PER_S, GeneratorHealth, Series
from harness.load.progress import LiveMetrics
from harness.telemetry.latest_metrics import (
    ATTEMPTS_HELP,
    GAUGES_HELP,
    LATE_STARTS_HELP,
    LATENCY_HELP,
    LatestMetrics,
    TrialInfo,
)

EVERY_S = 5.0
TIMEOUT_S = 5.0
PREFIX = "opensteer.harness."
_BOUNDS_S = [bound / US_PER_S for bound in BOUNDS_US]
_UNKNOWN: Any = None
"""The wire format omits unknown extremes, but the SDK's types require them."""
_CUMULATIVE = AggregationTemporality.CUMULATIVE
_GAUGES = {
    "cpu_fraction": ("cpu", "1"),
    "loop_lag_s": ("loop_lag", "s"),
    "in_flight": ("in_flight", "{call}"),
}
"""Field of `GeneratorHealth` → name and unit of the metric."""


def endpoint(url: str) -> str:
    """Return where metrics are posted: the URL, with OTLP's path by default; raises UsageError."""
    if "@" in url:  # not shown: the text before the @ may be a secret
        raise UsageError("--otlp takes no user or password; set OTEL_EXPORTER_OTLP_HEADERS")
    try:
        parts = urlsplit(url)
        name, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"--otlp {url!r}: {error}") from error
    if parts.scheme not in {"http", "https"} or not name:
        raise UsageError(f"--otlp {url!r} is not an http:// or https:// URL")
    path = parts.path if parts.path.strip("/") else "/v1/metrics"
    return parts._replace(path=path, fragment="").geturl()


@contextmanager
def export_metrics(
    url: str, trial_info: TrialInfo, latest: LatestMetrics, console: Console
) -> Iterator[None]:
    """
    Send the latest metrics every few seconds until the context ends; warns once of a failure.

    Raises:
        UsageError: The URL is invalid.
    """
    target = endpoint(url)
    # The exporter logs a traceback for each failure; `complain` below prints one line.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)
    exporter = OTLPMetricExporter(endpoint=target, timeout=TIMEOUT_S)
    stopped, warned = threading.Event(), False

    def send() -> None:
        nonlocal warned
        live = latest.live
        if live is None or not live.started_ns:
            return
        result = exporter.export(metrics_of(live, trial_info), timeout_millis=TIMEOUT_S * 1000)
        if result is not MetricExportResult.SUCCESS and not warned:
            warned = True
            complain(console, f"--otlp: {target} does not accept metrics; the trial continues")

    def send_periodically() -> None:
        while not stopped.wait(EVERY_S):
            send()
        send()

    thread = threading.Thread(target=send_periodically, name="otlp", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(2 * TIMEOUT_S + 1)
        exporter.shutdown()


def metrics_of(live: LiveMetrics, trial_info: TrialInfo) -> MetricsData:
    """The metrics of one moment as OpenTelemetry metrics."""
    resource = Resource.create(
        {
            "service.name": "opensteer-harness",
            "service.version": __version__,
            "service.instance.id": trial_info.trial_id,
            "opensteer.harness.scenario": trial_info.scenario,
            "opensteer.harness.plan": trial_info.plan,
        }
    )
    window = (live.started_ns, unix_ns())
    metrics = [*_attempts(live.series, window), *_generators(live.generators, window)]
    scope = ScopeMetrics(InstrumentationScope("harness", __version__), metrics, "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _attempts(series: Sequence[Series], window: tuple[int, int]) -> Iterator[Metric]:
    attempts = [
        NumberDataPoint(_labels(row), *window, row.count)
        for row in series
        if row.metric == "response"
    ]
    total = Sum(attempts, _CUMULATIVE, is_monotonic=True)
    yield Metric(PREFIX + "attempts", ATTEMPTS_HELP, "{attempt}", total)
    for metric, text in LATENCY_HELP.items():
        points = [_histogram_point(row, window) for row in series if row.metric == metric]
        yield Metric(f"{PREFIX}{metric}.duration", text, "s", Histogram(points, _CUMULATIVE))


def _labels(row: Series) -> Mapping[str, str]:
    return {"operation": row.operation, "outcome": row.outcome}


def _histogram_point(row: Series, window: tuple[int, int]) -> HistogramDataPoint:
    return HistogramDataPoint(
        _labels(row),
        *window,
        count=row.count,
        sum=row.sum_s,
        bucket_counts=row.buckets,
        explicit_bounds=_BOUNDS_S,
        min=_UNKNOWN,
        max=_UNKNOWN,
    )


def _generators(rows: Sequence[GeneratorHealth], window: tuple[int, int]) -> Iterator[Metric]:
    def points(field: str) -> list[NumberDataPoint]:
        return [
            NumberDataPoint({"worker": row.worker}, *window, getattr(row, field)) for row in rows
        ]

    prefix = PREFIX + "generator."
    for field, text in GAUGES_HELP.items():
        name, unit = _GAUGES[field]
        yield Metric(prefix + name, text, unit, Gauge(points(field)))
    late = Sum(points("late_starts"), _CUMULATIVE, is_monotonic=True)
    yield Metric(prefix + "late_starts", LATE_STARTS_HELP, "{arrival}", late)
