"""Latency by percentile as HdrHistogram draws it: x is 1/(1-p) on a log scale."""

from __future__ import annotations

import numpy as np

from harness.analysis.distributions import METRICS, US_PER_MS, LatencyDistribution
from harness.analysis.hdr_decode import Ints
from harness.trial.histograms import bucket_highest_us
from reports.figures import style
from reports.formatting import milliseconds
from reports.model import ReportModel
from reports.section import Figure

_TICKS = {
    1: "0 %",
    2: "50 %",
    10: "90 %",
    100: "99 %",
    1e3: "99.9 %",
    1e4: "99.99 %",
    1e5: "99.999 %",
}
_CROWDED_FROM = 1e3
_TITLE = "Latency by percentile"


def draw(model: ReportModel) -> Figure:
    """Service and response time of all operations."""
    drawing, (axes,) = style.new_drawing(3.6)
    distributions = {metric: model.measured.distribution(metric) for metric in METRICS}
    last = 10.0
    for metric, colour, dash in zip(METRICS, style.SERIES, style.DASHES, strict=False):
        if distributions[metric].total:
            x, y_ms = curve(distributions[metric])
            axes.plot(x, y_ms, color=colour, linestyle=dash, label=f"{metric} time")
            last = max(last, x[-1])
    axes.set_xscale("log")
    axes.set_xlim(1, last * 1.05)
    # With many nines the first two labels would overlap.
    shown = [t for t in _TICKS if t <= last * 1.05 and (t > 1 or last < _CROWDED_FROM)]
    axes.set_xticks(shown, [_TICKS[tick] for tick in shown])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("percentile of attempts that ended ok")
    axes.set_ylabel("latency")
    if distributions["service"].total:
        style.duration_axis(axes)
        style.add_legend(drawing, axes)
    else:
        style.draw_placeholder(axes)
    return style.to_figure(drawing, "percentiles", _TITLE, _alt(distributions), narrow=True)


def curve(distribution: LatencyDistribution) -> tuple[np.ndarray, np.ndarray]:
    """The steps of a distribution as 1/(1-p) and ms, with the largest value at 1/(1-p) = total."""
    buckets: Ints = np.flatnonzero(distribution.counts)
    total = distribution.total
    beyond = total - np.cumsum(distribution.counts[buckets])
    x = total / np.maximum(np.concatenate(([total], beyond)), 1)
    y_ms = bucket_highest_us(buckets) / US_PER_MS
    return x, np.concatenate((y_ms[:1], y_ms))


def _alt(distributions: dict[str, LatencyDistribution]) -> str:
    if not distributions["service"].total:
        return "Empty: no attempt ended ok in a measured phase."
    service, response = (distributions[metric].describe_ms() for metric in METRICS)
    text = (
        f"Service time: p50 {milliseconds(service['p50'])}, p99 {milliseconds(service['p99'])}, "
        f"max {milliseconds(service['max'])}"
    )
    factor = (response["p99"] or 0) / max(service["p99"] or 0, 1e-9)
    if factor >= 1.1:
        return (
            f"{text}. Response time: p99 {milliseconds(response['p99'])}, {factor:.3g} times the "
            "service time, because requests waited before they were sent."
        )
    return f"{text}. Response time is about the same."
