"""
Heat map of all response times: it shows several modes and periods that percentiles hide.

Source: Gregg, "Visualizing System Latency", CACM 53(7), 2010.
"""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.ticker import FuncFormatter

from harness.analysis.distributions import US_PER_MS, LatencyDistribution
from harness.analysis.hdr_decode import Ints
from harness.analysis.timeline import heat_map
from harness.trial.histograms import bucket_highest_us
from harness.units import NS_PER_S, NS_PER_US, format_duration
from reports.figures import style
from reports.figures.annotations import finish_time_figure, mark_objectives
from reports.formatting import joined, milliseconds, percent
from reports.model import ReportModel
from reports.objectives import latency_limits
from reports.section import Figure

_ROWS = 48
_COLUMNS_MAX = 240
_OBJECTIVE_FACTOR_MAX = 10.0
"""Objectives above this multiple of the slowest response would squeeze the data."""
_LABEL_DECADES = 0.12  # of a decade, for the name of the topmost line
_EDGE = 0.06  # of the axis, for injections above the data
# An image cannot use CSS variables; this blue is readable on light and dark pages.
_HUE = "#2f81c7"


def draw(model: ReportModel) -> Figure:
    """Time (x), latency (y, log) and number of attempts (opacity)."""
    drawing, (axes,) = style.new_drawing(3.4)
    distribution = model.measured.distribution("response")
    if distribution.total:
        buckets = np.flatnonzero(distribution.counts)
        low_us, high_us = (float(bucket_highest_us(buckets[[n]])[0]) for n in (0, -1))
        limits = _limits(model, high_us)
        edges_us = np.geomspace(max(low_us * 0.98, 0.5), high_us * 1.02 + 1, _ROWS + 1)
        edges_s = _seconds(model)
        counts = heat_map(model.measured, "response", edges_s, edges_us)
        start_s = model.manifest.started_ns // NS_PER_S
        extent = (
            float(edges_s[0] - start_s),
            float(edges_s[-1] - start_s),
            float(np.log10(edges_us[0])),
            float(np.log10(edges_us[-1])),
        )
        axes.imshow(
            _colours(counts),
            origin="lower",
            aspect="auto",
            extent=extent,
            interpolation="none",
            zorder=0.5,  # above the shades of phases and faults
        )
        bottom = min([extent[2], *(y for y, _ in limits)])
        top = max([extent[3], *(y + _LABEL_DECADES for y, _ in limits)])
        axes.set_ylim(bottom, top + _EDGE * (top - bottom))
        mark_objectives(axes, limits)
        axes.set_yticks(_decades(axes.get_ylim()))
        axes.yaxis.set_major_formatter(
            FuncFormatter(lambda value, _: format_duration(10**value * NS_PER_US))
        )
        axes.grid(visible=False)
    else:
        style.draw_placeholder(axes)
    axes.set_ylabel("response time")
    title = "All response times over time"
    return finish_time_figure(drawing, [axes], model, "heat", title, _alt(model))


def _seconds(model: ReportModel) -> Ints:
    seconds = model.measured.slots["slot"]
    first, last = int(seconds.min()), int(seconds.max()) + model.step_s
    # A column covers full steps, so that no slot belongs to two columns.
    step_s = model.step_s * max(1, -(-(last - first) // (_COLUMNS_MAX * model.step_s)))
    return np.arange(first, last + step_s, step_s, dtype=np.int64)


def _colours(counts: Ints) -> np.ndarray:
    """RGBA with opacity by the logarithm of the count, so that outliers are visible."""
    image = np.empty((*counts.shape, 4))
    image[..., :3] = to_rgb(_HUE)
    depth = np.log1p(counts) / np.log1p(counts.max())
    image[..., 3] = np.where(counts > 0, 0.3 + 0.7 * depth, 0.0)
    return image


def _limits(model: ReportModel, high_us: float) -> list[tuple[float, str]]:
    """Latency objectives near the data, as y values."""
    return [
        (float(np.log10(limit_us)), name)
        for limit_us, name in latency_limits(model.findings, "response")
        if limit_us < _OBJECTIVE_FACTOR_MAX * high_us
    ]


def _decades(ends: tuple[float, float]) -> list[float]:
    """Ticks at 1, 2 and 5 of each decade; only at decades if there are many."""
    low, high = int(np.floor(ends[0])), int(np.ceil(ends[1]))
    digits = (1, 2, 5) if high - low <= 3 else (1,)
    ticks = [np.log10(digit * 10.0**power) for power in range(low, high + 1) for digit in digits]
    return [tick for tick in ticks if ends[0] <= tick <= ends[1]]


def _alt(model: ReportModel) -> str:
    distribution = model.measured.distribution("response")
    if not distribution.total:
        return "Empty: no attempt ended ok in a measured phase."
    low, high = distribution.percentile_us(0.25), distribution.percentile_us(0.75)
    tail = distribution.counts[
        bucket_highest_us(np.arange(len(distribution.counts))) > 10 * high
    ].sum()
    text = (
        f"The middle half of all response times is between {milliseconds(low / US_PER_MS)} "
        f"and {milliseconds(high / US_PER_MS)}"
    )
    share = percent(float(tail / distribution.total)) if tail else "none"
    return (
        f"{text}; {share} exceed the upper value ten times"
        f"{_over_objectives(model, distribution)}. Darker cells hold more attempts."
    )


def _over_objectives(model: ReportModel, distribution: LatencyDistribution) -> str:
    """The share above each objective, including objectives without a line."""
    parts = []
    for limit_us, name in latency_limits(model.findings, "response"):
        above = distribution.counts[
            bucket_highest_us(np.arange(len(distribution.counts))) > limit_us
        ]
        share = percent(float(above.sum() / distribution.total)) if above.any() else "none"
        parts.append(f"{share} exceed {style.label(name)}")
    return f"; {joined(parts)}" if parts else ""
